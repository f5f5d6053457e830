// Means of metrics over the steps since the last line of the log.
#pragma once
#include <map>
#include <string>

#include "base/json.h"

namespace swift::train::grpo {

class MeanLog {
 public:
  // Adds every number of an object.
  void add(const base::Json& values) {
    for (const auto& [key, value] : values.items()) {
      if (!value.is_number()) continue;
      Entry& entry = entries_[key];
      entry.sum += value.get<double>();
      entry.count += 1;
    }
  }
  base::Json means() const {
    base::Json line = base::Json::object();
    for (const auto& [key, entry] : entries_) line[key] = entry.sum / entry.count;
    return line;
  }
  void clear() { entries_.clear(); }

  base::Json to_json() const {
    base::Json json = base::Json::object();
    for (const auto& [key, entry] : entries_) json[key] = {entry.sum, entry.count};
    return json;
  }
  static MeanLog from_json(const base::Json& json) {
    MeanLog log;
    for (const auto& [key, pair] : json.items())
      log.entries_[key] = {pair.at(0).get<double>(), pair.at(1).get<double>()};
    return log;
  }

 private:
  struct Entry {
    double sum = 0, count = 0;
  };
  std::map<std::string, Entry> entries_;
};

}  // namespace swift::train::grpo
