// 1 when the pattern (PCRE2, searched anywhere) is found in the completion, else 0. The pattern is the
// argument, or the row's column `regex`.
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <array>

#include "base/format.h"
#include "train/rewards/reward.h"

namespace swift::train::rewards {
namespace {

using Code = std::shared_ptr<pcre2_code>;

Code compiled(const std::string& pattern, const base::Location& where) {
  int fault = 0;
  PCRE2_SIZE offset = 0;
  const Code code(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                                PCRE2_UTF | PCRE2_MATCH_INVALID_UTF, &fault, &offset, nullptr),
                  pcre2_code_free);
  if (code != nullptr) return code;
  std::array<PCRE2_UCHAR, 256> reason{};
  pcre2_get_error_message(fault, reason.data(), reason.size());
  throw base::Error(where.file.empty() ? base::ExitCode::usage : base::ExitCode::data,
                    base::cat("reward regex: malformed pattern '", pattern, "' at character ", offset + 1,
                              ": ", reinterpret_cast<const char*>(reason.data())),
                    where);
}

bool found(const Code& code, const Scored& row) {
  const std::unique_ptr<pcre2_match_data, decltype(&pcre2_match_data_free)> match(
      pcre2_match_data_create_from_pattern(code.get(), nullptr), pcre2_match_data_free);
  const int result = pcre2_match(code.get(), reinterpret_cast<PCRE2_SPTR>(row.completion.data()),
                                 row.completion.size(), 0, 0, match.get(), nullptr);
  if (result >= 0 || result == PCRE2_ERROR_NOMATCH) return result >= 0;
  throw base::Error(base::ExitCode::failure, "reward regex: the search took too many steps", row.where,
                    "write the pattern without nested repetitions");
}

}  // namespace

std::unique_ptr<Reward> make_regex(const std::string& argument, const RewardSettings& /*settings*/) {
  const Code fixed = argument.empty() ? nullptr : compiled(argument, {});
  return std::make_unique<RowReward>("regex", [fixed](const Scored& row) {
    return found(fixed != nullptr ? fixed : compiled(text_column(row, "regex", "regex"), row.where), row)
               ? 1.0
               : 0.0;
  });
}

}  // namespace swift::train::rewards
