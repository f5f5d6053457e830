#include "train/channel_loss.h"

namespace swift::train {
using base::Json;

void ChannelLoss::add(const data::Pack& pack, const at::Tensor& losses) {
  const float* loss = losses.const_data_ptr<float>();
  for (size_t s = 0; s + 1 < pack.cu_seqlens.size(); ++s) {
    Sum& sum = sums_[pack.channels[s].empty() ? "None" : pack.channels[s]];
    for (int32_t t = pack.cu_seqlens[s]; t < pack.cu_seqlens[s + 1]; ++t) {
      if (pack.labels[static_cast<size_t>(t)] == data::kIgnore) continue;
      sum.loss += loss[t];
      ++sum.tokens;
    }
  }
}

void ChannelLoss::add(const ChannelLoss& other) {
  for (const auto& [channel, sum] : other.sums_) {
    sums_[channel].loss += sum.loss;
    sums_[channel].tokens += sum.tokens;
  }
}

Json ChannelLoss::means(const std::string& prefix) const {
  Json means = Json::object();
  for (const auto& [channel, sum] : sums_) {
    if (sum.tokens > 0) means[prefix + "loss_" + channel] = sum.loss / static_cast<double>(sum.tokens);
  }
  return means;
}

Json ChannelLoss::to_json() const {
  Json json = Json::object();
  for (const auto& [channel, sum] : sums_) json[channel] = {sum.loss, sum.tokens};
  return json;
}

ChannelLoss ChannelLoss::from_json(const Json& json) {
  ChannelLoss channels;
  for (const auto& [channel, sum] : json.items())
    channels.sums_[channel] = {sum.at(0).get<double>(), sum.at(1).get<int64_t>()};
  return channels;
}

}  // namespace swift::train
