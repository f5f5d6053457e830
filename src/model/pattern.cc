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
namespace {

bool matches(const std::string& pattern, std::string_view text, uint32_t options) {
  int fault = 0;
  PCRE2_SIZE offset = 0;
  const std::unique_ptr<pcre2_code, decltype(&pcre2_code_free)> code(
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(), options, &fault, &offset,
                    nullptr),
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

// The last `parts` parts of a dotted name.
std::string ending(const std::string& name, int64_t parts) {
  size_t at = name.size();
  while (parts-- > 0) {
    if (at == 0) return name;
    at = name.rfind('.', at - 1);
    if (at == std::string::npos) return name;
  }
  return name.substr(at + 1);
}

std::vector<std::string> endings(const std::vector<std::string>& names, int64_t parts) {
  std::vector<std::string> found;
  for (const std::string& name : names) found.push_back(ending(name, parts));
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

std::string quoted_list(const std::vector<std::string>& names, const std::string& before_last) {
  std::string text;
  for (size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? before_last : ", ";
    text += "'" + names[i] + "'";
  }
  return text;
}

// The candidates within a slip of the hand, nearest first.
std::vector<std::string> near_misses(const std::string& target, const std::vector<std::string>& candidates) {
  constexpr size_t kMost = 3;
  const int limit = std::max(2, static_cast<int>(target.size()) / 4);
  std::vector<std::pair<int, std::string>> found;
  for (const std::string& candidate : candidates) {
    const int distance = base::edit_distance(target, candidate);
    if (distance <= limit) found.emplace_back(distance, candidate);
  }
  std::sort(found.begin(), found.end());
  std::vector<std::string> nearest;
  for (size_t i = 0; i < std::min(kMost, found.size()); ++i) nearest.push_back(found[i].second);
  return nearest;
}

}  // namespace

bool matches_fully(const std::string& pattern, std::string_view text) {
  return matches(pattern, text, PCRE2_ANCHORED | PCRE2_ENDANCHORED);
}

bool matches_part(const std::string& pattern, std::string_view text) {
  return matches(pattern, text, 0);
}

std::string name_pattern(const std::string& key) {
  return "(.*\\.)?(" + key + ")";
}

bool has_suffix(std::string_view name, std::string_view suffix) {
  if (!name.ends_with(suffix)) return false;
  return name.size() == suffix.size() || name[name.size() - suffix.size() - 1] == '.';
}

bool is_pattern(const std::vector<std::string>& targets) {
  return targets.size() == 1 && targets[0].find_first_of("\\^$*+?()[]{}|") != std::string::npos;
}

void refuse_target(const std::string& setting, const std::string& target,
                   const std::vector<std::string>& names, const std::string& known) {
  const auto parts = std::count(target.begin(), target.end(), '.') + 1;
  const auto near = near_misses(target, endings(names, parts));
  std::string list;
  for (const std::string& name : endings(names, 1)) list += (list.empty() ? "" : ", ") + name;
  throw base::Error(
      base::ExitCode::usage, setting + ": '" + target + "' matches no module", {},
      (near.empty() ? "" : "did you mean " + quoted_list(near, " or ") + "? ") + known + ": " + list);
}

bool is_keyword(const std::string& target) {
  return target == "all-linear" || target == "all-embedding";
}

std::vector<bool> select_modules(const std::vector<std::string>& targets,
                                 const std::vector<std::string>& names, Unmatched unmatched) {
  const bool pattern = is_pattern(targets);
  const auto hits = [&](const std::string& target, const std::string& name) {
    const bool embeds = has_suffix(name, "embed_tokens");
    if (target == "all-embedding") return embeds;
    if (target == "all-linear") return !embeds && !has_suffix(name, "lm_head");
    return pattern ? matches_fully(target, name) : has_suffix(name, target);
  };
  std::vector<bool> selected(names.size(), false);
  for (const std::string& target : targets) {
    bool any = false;
    for (size_t i = 0; i < names.size(); ++i) {
      if (hits(target, names[i])) selected[i] = any = true;
    }
    if (!any && unmatched == Unmatched::refused)
      refuse_target("target_modules", target, names, "the model's modules are");
  }
  return selected;
}

}  // namespace swift::model
