// All faults of a configuration, gathered and shown at once.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "config/origin.h"

namespace swift::config {

struct Problem {
  Origin origin;
  int length = 1;  // characters to underline, from the origin's column
  std::string message;
};

// What() is the whole report: every problem with its source line and a caret, then the count.
class ConfigError : public base::Error {
 public:
  ConfigError(std::vector<Problem> problems, std::string report);
  const char* what() const noexcept override { return report_.c_str(); }
  const std::vector<Problem>& problems() const { return problems_; }

 private:
  std::vector<Problem> problems_;
  std::string report_;
};

class Report {
 public:
  // Keeps the text of a file, so that its lines can be shown.
  void add_source(const std::string& file, const std::string& text);
  void add(Problem problem) { problems_.push_back(std::move(problem)); }
  // An error of configuration found elsewhere. Any other error is thrown again when it is alone.
  void add(const base::Error& error);
  bool empty() const { return problems_.empty(); }
  // Throws ConfigError (usage) when anything was added: files first, sorted by position, then environment,
  // then flags.
  void throw_if_any() const;

 private:
  std::string text_of(const Problem& problem) const;
  std::map<std::string, std::vector<std::string>> lines_;
  std::vector<Problem> problems_;
};

}  // namespace swift::config
