// Module selection by name as PEFT does it (peft 0.20, tuners_utils.check_target_module_exists).
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace swift::model {

// True when the regular expression matches the whole text. Throws base::Error(usage) for a malformed pattern.
bool matches_fully(const std::string& pattern, std::string_view text);

// True when `name` equals `suffix` or ends with "." + suffix.
bool has_suffix(std::string_view name, std::string_view suffix);

// The names a list or regex of targets selects. "all-linear" selects all of them. A list entry selects by
// suffix; a single entry with characters that no module name has is a regular expression. Throws
// base::Error(usage) when a target selects nothing, naming the near misses.
std::vector<bool> select_modules(const std::vector<std::string>& targets,
                                 const std::vector<std::string>& names);

// True for a single entry that select_modules takes as a regular expression.
bool is_pattern(const std::vector<std::string>& targets);

}  // namespace swift::model
