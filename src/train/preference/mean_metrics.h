// Means of named numbers between two log lines.
#pragma once
#include <map>
#include <string>

#include "base/json.h"
#include "ops/torch.h"

namespace swift::train::preference {

class MeanMetrics {
 public:
  void add(const std::string& name, double sum, double count);
  // The mean of a tensor's elements counts as often as it has elements.
  void add(const std::string& name, const at::Tensor& values);

  // {prefix + name: mean}, in the order of the names.
  base::Json means(const std::string& prefix = {}) const;
  void clear() { sums_.clear(); }

  // {name: [sum, count]}
  base::Json to_json() const;
  // Throws base::Json::exception when it is malformed.
  static MeanMetrics from_json(const base::Json& json);

 private:
  struct Sum {
    double sum = 0, count = 0;
  };
  std::map<std::string, Sum> sums_;
};

}  // namespace swift::train::preference
