// Flags of the small commands: --key value, --key=value, --switch, and the words between them.
#pragma once
#include <map>
#include <string>
#include <vector>

namespace swift::cli {

struct Options {
  std::map<std::string, std::vector<std::string>> values;  // of flags that take a value
  std::map<std::string, bool> switches;                    // --key, --key true, --key false
  std::vector<std::string> words;

  bool on(const std::string& key) const;
  std::string value(const std::string& key) const;  // "" when absent; the last one given
};

// Throws base::Error(usage) for an unknown flag, naming the nearest, and for a value that is missing.
Options parse_options(const std::vector<std::string>& words, const std::vector<std::string>& with_value,
                      const std::vector<std::string>& switches);

}  // namespace swift::cli
