#include "options.h"

#include <algorithm>
#include <charconv>

#include "base/error.h"

namespace swift::gpu_bench {
namespace {

[[noreturn]] void refuse(const std::string& what, const std::string& hint) {
  throw base::Error(base::ExitCode::usage, what, {}, hint);
}

std::string list_of(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

double seconds_of(const std::string& text) {
  double value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc() || end != text.data() + text.size() || !(value > 0) || value > 86400)
    refuse("--seconds: '" + text + "' is not a number of seconds", "for example --seconds 420");
  return value;
}

std::vector<std::string> names_of(const std::string& text, const std::vector<std::string>& families) {
  std::vector<std::string> names;
  for (size_t at = 0; at <= text.size();) {
    const size_t comma = std::min(text.find(',', at), text.size());
    names.push_back(text.substr(at, comma - at));
    at = comma + 1;
    if (std::find(families.begin(), families.end(), names.back()) == families.end())
      refuse("--only: there is no '" + names.back() + "'", "one of " + list_of(families));
  }
  return names;
}

}  // namespace

Options parse_options(const std::vector<std::string>& words, const std::vector<std::string>& families) {
  Options options;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    const auto value = [&]() -> const std::string& {
      if (i + 1 == words.size()) refuse(word + " needs a value", "gpu_bench --help lists the options");
      return words[++i];
    };
    if (word == "--help" || word == "-h") {
      options.help = true;
    } else if (word == "--list") {
      options.list = true;
    } else if (word == "--out") {
      options.out = value();
    } else if (word == "--only") {
      options.only = names_of(value(), families);
    } else if (word == "--seconds") {
      options.seconds = seconds_of(value());
    } else {
      refuse("unknown option '" + word + "'", "gpu_bench --help lists the options");
    }
  }
  return options;
}

std::string help_text(const std::vector<std::string>& families) {
  return "usage: gpu_bench [--out DIR] [--only NAME,...] [--seconds N] [--list]\n"
         "Measures the CUDA kernels on this machine's first device and writes DIR/<device>.md.\n\n"
         "  --out DIR        folder of the page (bench/results)\n"
         "  --only NAME,...  some families only\n"
         "  --seconds N      time for all of it (420); what is left out stays blank\n"
         "  --list           names of the families\n\n"
         "families: " +
         list_of(families) + "\nexit: 0 done, 1 something failed, 2 usage, 77 no device\n";
}

}  // namespace swift::gpu_bench
