#include "model/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <array>
#include <memory>

#include "base/error.h"
#include "base/format.h"
#include "base/suggest.h"

namespace swift::model {

bool matches_fully(const std::string& pattern, std::string_view text) {
  int fault = 0;
  PCRE2_SIZE offset = 0;
  const std::unique_ptr<pcre2_code, decltype(&pcre2_code_free)> code(
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                    PCRE2_ANCHORED | PCRE2_ENDANCHORED, &fault, &offset, nullptr),
      pcre2_code_free);
  if (code == nullptr) {
    std::array<PCRE2_UCHAR, 256> reason{};
    pcre2_get_error_message(fault, reason.data(), reason.size());
    throw base::Error(base::ExitCode::usage,
                      base::cat("malformed pattern '", pattern, "' at character ", offset + 1, ": ",
                                reinterpret_cast<const char*>(reason.data())));
  }
  const std::unique_ptr<pcre2_match_data, decltype(&pcre2_match_data_free)> match(
      pcre2_match_data_create_from_pattern(code.get(), nullptr), pcre2_match_data_free);
  return pcre2_match(code.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), 0, 0, match.get(),
                     nullptr) > 0;
}

bool has_suffix(std::string_view name, std::string_view suffix) {
  if (!name.ends_with(suffix)) return false;
  return name.size() == suffix.size() || name[name.size() - suffix.size() - 1] == '.';
}

bool is_pattern(const std::vector<std::string>& targets) {
  return targets.size() == 1 && targets[0].find_first_of("\\^$*+?()[]{}|") != std::string::npos;
}

std::vector<bool> select_modules(const std::vector<std::string>& targets,
                                 const std::vector<std::string>& names) {
  std::vector<bool> selected(names.size(), false);
  for (const std::string& target : targets) {
    bool any = false;
    for (size_t i = 0; i < names.size(); ++i) {
      const bool hit = target == "all-linear" ||
                       (is_pattern(targets) ? matches_fully(target, names[i]) : has_suffix(names[i], target));
      if (hit) selected[i] = any = true;
    }
    if (any) continue;
    std::vector<std::string> suffixes;
    for (const std::string& name : names) suffixes.push_back(name.substr(name.rfind('.') + 1));
    std::sort(suffixes.begin(), suffixes.end());
    suffixes.erase(std::unique(suffixes.begin(), suffixes.end()), suffixes.end());
    std::string known;
    for (const std::string& suffix : suffixes) known += (known.empty() ? "" : ", ") + suffix;
    const auto near = base::nearest(target, suffixes);
    throw base::Error(base::ExitCode::usage, "target_modules: '" + target + "' matches no module", {},
                      (near ? "did you mean '" + *near + "'? " : "") + "the model's linears are: " + known);
  }
  return selected;
}

}  // namespace swift::model
