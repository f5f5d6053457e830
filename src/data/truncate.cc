#include "data/truncate.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace swift::data {
namespace {

Sample slice(const Sample& sample, size_t begin, size_t end) {
  Sample part;
  part.where = sample.where;
  part.channel = sample.channel;
  const auto range = [&](const auto& values) {
    return std::decay_t<decltype(values)>(values.begin() + static_cast<std::ptrdiff_t>(begin),
                                          values.begin() + static_cast<std::ptrdiff_t>(end));
  };
  if (!sample.weights.empty()) part.weights = range(sample.weights);
  part.input_ids = range(sample.input_ids);
  part.labels = range(sample.labels);
  return part;
}

}  // namespace

void check_truncation(const std::string& strategy, bool pretrain) {
  using base::Error;
  using base::ExitCode;
  const bool known = strategy == "delete" || strategy == "left" || strategy == "right" || strategy == "split";
  if (!known) {
    throw Error(ExitCode::usage, "truncation_strategy: unknown value '" + strategy + "'", {},
                "delete, left, right or split");
  }
  if (strategy == "split" && !pretrain) {
    throw Error(ExitCode::usage, "truncation_strategy: split is for plain text (method pt) only", {},
                "use delete, left or right");
  }
}

std::vector<Sample> truncate(Sample sample, int64_t max_length, const std::string& strategy) {
  const size_t size = sample.input_ids.size();
  std::vector<Sample> parts;
  if (max_length <= 0 || size <= static_cast<size_t>(max_length)) {
    parts.push_back(std::move(sample));
    return parts;
  }
  const auto limit = static_cast<size_t>(max_length);
  if (strategy == "delete") return parts;
  if (strategy == "split") {
    for (size_t begin = 0; begin < size; begin += limit)
      parts.push_back(slice(sample, begin, std::min(begin + limit, size)));
  } else {
    const size_t begin = strategy == "left" ? size - limit : 0;
    parts.push_back(slice(sample, begin, begin + limit));
    parts.back().truncated = true;
  }
  std::erase_if(parts, [](const Sample& part) { return part.trained_tokens() == 0; });
  return parts;
}

}  // namespace swift::data
