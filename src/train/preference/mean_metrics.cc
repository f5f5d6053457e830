#include "train/preference/mean_metrics.h"

namespace swift::train::preference {
using base::Json;

void MeanMetrics::add(const std::string& name, double sum, double count) {
  Sum& total = sums_[name];
  total.sum += sum;
  total.count += count;
}

void MeanMetrics::add(const std::string& name, const at::Tensor& values) {
  if (values.numel() > 0)
    add(name, values.sum(at::kDouble).item<double>(), static_cast<double>(values.numel()));
}

Json MeanMetrics::means(const std::string& prefix) const {
  Json means = Json::object();
  for (const auto& [name, total] : sums_) {
    if (total.count > 0) means[prefix + name] = total.sum / total.count;
  }
  return means;
}

Json MeanMetrics::to_json() const {
  Json json = Json::object();
  for (const auto& [name, total] : sums_) json[name] = {total.sum, total.count};
  return json;
}

MeanMetrics MeanMetrics::from_json(const Json& json) {
  MeanMetrics metrics;
  for (const auto& [name, total] : json.items())
    metrics.sums_[name] = {total.at(0).get<double>(), total.at(1).get<double>()};
  return metrics;
}

}  // namespace swift::train::preference
