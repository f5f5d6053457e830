#include "infer/ngram_drafter.h"

#include <algorithm>

#include "base/error.h"
#include "base/format.h"

namespace swift::infer {
namespace {

// Place after the latest earlier occurrence of the longest suffix of at least `shortest` and at most
// `longest` tokens; the end when there is none.
size_t continuation(std::span<const int32_t> tokens, size_t shortest, size_t longest) {
  size_t best = shortest - 1;
  size_t place = tokens.size();
  for (size_t end = tokens.size() - 1; end > 0 && best < longest; --end) {
    if (tokens[end - 1] != tokens.back()) continue;
    size_t length = 1;
    while (length < longest && length < end &&
           tokens[end - 1 - length] == tokens[tokens.size() - 1 - length]) {
      ++length;
    }
    if (length > best) best = length, place = end;
  }
  return place;
}

}  // namespace

NgramDrafter::NgramDrafter(const NgramOptions& options) : options_(options) {
  if (options.shortest >= 1 && options.shortest <= options.longest) return;
  throw base::Error(base::ExitCode::usage, base::cat("n-grams to look up: ", options.shortest, " to ",
                                                     options.longest, " tokens is no range from 1 up"));
}

void NgramDrafter::propose(std::span<const DraftQuery> queries) {
  for (const DraftQuery& query : queries) {
    const auto window = std::min(query.tokens.size(), static_cast<size_t>(options_.window));
    const std::span<const int32_t> tokens = query.tokens.last(window);
    const size_t at =
        continuation(tokens, static_cast<size_t>(options_.shortest), static_cast<size_t>(options_.longest));
    if (at == tokens.size()) continue;
    // What repeats goes on repeating: beyond the end the guess continues itself.
    for (size_t i = at; i < at + static_cast<size_t>(query.most); ++i) {
      query.draft->push_back(i < tokens.size() ? tokens[i] : (*query.draft)[i - tokens.size()]);
    }
  }
}

}  // namespace swift::infer
