// The command line after the verb: --key value, --key=value, repeated and space-separated lists, --set
// key=value.
#pragma once
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "config/value.h"

namespace swift::config {

struct Arguments {
  std::map<std::string, RawValue, std::less<>> values;   // by key; the last one given wins, lists are joined
  std::vector<std::pair<std::string, YamlNode>> deploy;  // "service.port" and its value
  std::map<std::string, Origin> deploy_origins;
  std::vector<std::string> positional;
  std::vector<std::string> warnings;
  std::optional<std::string> config;  // --config FILE
  bool help = false;
};

// A boolean takes true/false or stands alone; a list takes every word up to the next flag; the rest take one
// word, which may begin with one dash. "--" ends the flags. Hyphens in names count as underscores.
Arguments parse_arguments(std::span<const std::string> words, const std::vector<Field>& known,
                          Report& report);

}  // namespace swift::config
