#include "infer/stop.h"

#include <algorithm>
#include <utility>

namespace swift::infer {

StopMatcher::StopMatcher(std::vector<std::string> stops, bool include)
    : stops_(std::move(stops)), include_(include) {
  std::erase(stops_, std::string());
}

std::string StopMatcher::push(std::string_view text) {
  if (matched()) return {};
  std::string all = std::exchange(held_, {});
  all += text;
  size_t first_end = std::string::npos;
  size_t begin = std::string::npos;
  for (const std::string& stop : stops_) {
    const size_t found = all.find(stop);
    if (found == std::string::npos) continue;
    const size_t end = found + stop.size();
    if (end < first_end || (end == first_end && found < begin)) first_end = end, begin = found;
  }
  if (begin != std::string::npos) {
    match_ = all.substr(begin, first_end - begin);
    return all.substr(0, include_ ? first_end : begin);
  }

  size_t keep = 0;
  for (const std::string& stop : stops_) {
    size_t length = std::min(stop.size() - 1, all.size());
    while (length > keep && !all.ends_with(std::string_view(stop).substr(0, length))) --length;
    keep = std::max(keep, length);
  }
  held_ = all.substr(all.size() - keep);
  all.resize(all.size() - keep);
  return all;
}

std::string StopMatcher::pass(std::string_view text) {
  std::string all = std::exchange(held_, {});
  return all += text;
}

std::string StopMatcher::finish() {
  return matched() ? std::string() : std::exchange(held_, {});
}

}  // namespace swift::infer
