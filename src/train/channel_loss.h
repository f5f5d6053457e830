// The loss by the rows' column "channel" (ms-swift's enable_channel_loss): the mean over the trained tokens
// of each channel, weighted as the loss itself is.
#pragma once
#include <map>
#include <string>

#include "base/json.h"
#include "data/sample.h"
#include "ops/torch.h"

namespace swift::train {

class ChannelLoss {
 public:
  // losses (tokens): the losses of the pack's tokens, ops::TokenTerms. Rows without a channel count as
  // "None".
  void add(const data::Pack& pack, const at::Tensor& losses);
  void add(const ChannelLoss& other);

  // {prefix + "loss_" + channel: mean}, in the order of the names.
  base::Json means(const std::string& prefix = {}) const;
  void clear() { sums_.clear(); }

  // What a checkpoint keeps: {channel: [sum, tokens]}.
  base::Json to_json() const;
  // Throws base::Json::exception when it is malformed.
  static ChannelLoss from_json(const base::Json& json);

 private:
  struct Sum {
    double loss = 0;
    int64_t tokens = 0;
  };
  std::map<std::string, Sum> sums_;
};

}  // namespace swift::train
