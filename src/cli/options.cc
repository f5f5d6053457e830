#include "cli/options.h"

#include <algorithm>

#include "base/error.h"
#include "base/suggest.h"

namespace swift::cli {
namespace {

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

[[noreturn]] void unknown_flag(const std::string& name, std::vector<std::string> known,
                               const std::vector<std::string>& more) {
  known.insert(known.end(), more.begin(), more.end());
  const auto near = base::nearest(name, known);
  throw base::Error(base::ExitCode::usage,
                    "unknown flag '--" + name + "'" + (near ? "; did you mean '--" + *near + "'?" : ""));
}

}  // namespace

bool Options::on(const std::string& key) const {
  const auto found = switches.find(key);
  return found != switches.end() && found->second;
}

std::string Options::value(const std::string& key) const {
  const auto found = values.find(key);
  return found == values.end() ? "" : found->second.back();
}

Options parse_options(const std::vector<std::string>& words, const std::vector<std::string>& with_value,
                      const std::vector<std::string>& switches) {
  Options options;
  for (size_t i = 0; i < words.size(); ++i) {
    if (!words[i].starts_with("--") || words[i] == "--") {
      options.words.push_back(words[i]);
      continue;
    }
    const size_t equals = words[i].find('=');
    const std::string name = words[i].substr(2, equals == std::string::npos ? equals : equals - 2);
    const bool attached = equals != std::string::npos;
    if (contains(switches, name)) {
      const bool worded =
          !attached && i + 1 < words.size() && (words[i + 1] == "true" || words[i + 1] == "false");
      const std::string text = attached ? words[i].substr(equals + 1) : worded ? words[++i] : "true";
      if (text != "true" && text != "false")
        throw base::Error(base::ExitCode::usage, "--" + name + ": '" + text + "' is not true or false");
      options.switches[name] = text == "true";
    } else if (contains(with_value, name)) {
      if (!attached && i + 1 >= words.size())
        throw base::Error(base::ExitCode::usage, "--" + name + " needs a value");
      options.values[name].push_back(attached ? words[i].substr(equals + 1) : words[++i]);
    } else {
      unknown_flag(name, with_value, switches);
    }
  }
  return options;
}

}  // namespace swift::cli
