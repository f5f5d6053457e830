// Module selection by name as PEFT does it (peft 0.20, tuners_utils.check_target_module_exists).
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace swift::model {

// True when the regular expression matches the whole text. Throws base::Error(usage) for a malformed pattern.
bool matches_fully(const std::string& pattern, std::string_view text);

// True when the regular expression matches some part of the text (Python's re.search).
bool matches_part(const std::string& pattern, std::string_view text);

// The expression for a key of rank_pattern or alpha_pattern: it may stand for the end of a name.
std::string name_pattern(const std::string& key);

// True when `name` equals `suffix` or ends with "." + suffix.
bool has_suffix(std::string_view name, std::string_view suffix);

// What to do about a target that selects nothing.
enum class Unmatched { refused, ignored };

// The names a list or regex of targets selects. "all-linear" selects all but the output head and the
// embeddings, "all-embedding" the embeddings. Another list entry selects by suffix; a single entry with
// characters that no module name has is a regular expression. Throws base::Error(usage) when a target selects
// nothing, naming the near misses.
std::vector<bool> select_modules(const std::vector<std::string>& targets,
                                 const std::vector<std::string>& names,
                                 Unmatched unmatched = Unmatched::refused);

// Whether a target stands for a kind of module: all-linear or all-embedding.
bool is_keyword(const std::string& target);

// Throws base::Error(usage): "<setting>: '<target>' matches no module", the near misses among the names and
// their endings, and after `known` what there is.
[[noreturn]] void refuse_target(const std::string& setting, const std::string& target,
                                const std::vector<std::string>& names, const std::string& known);

// True for a single entry that select_modules takes as a regular expression.
bool is_pattern(const std::vector<std::string>& targets);

}  // namespace swift::model
