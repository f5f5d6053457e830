// Penalty for repeated n-grams of words: (1 - unique / all) * repetition_max_penalty (DeepScaleR's, as in
// ms-swift).
#include <cctype>
#include <set>

#include "train/rewards/reward.h"

namespace swift::train::rewards {
namespace {

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : text) {
    if (std::isspace(static_cast<unsigned char>(c)) != 0) {
      if (!word.empty()) words.push_back(std::move(word));
      word.clear();
    } else {
      word += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
  }
  if (!word.empty()) words.push_back(std::move(word));
  return words;
}

}  // namespace

std::unique_ptr<Reward> make_repetition(const std::string& /*argument*/, const RewardSettings& settings) {
  const auto n = static_cast<size_t>(settings.repetition_n_grams);
  return std::make_unique<RowReward>(
      "repetition", [n, worst = settings.repetition_max_penalty](const Scored& row) {
        const std::vector<std::string> words = words_of(row.completion);
        if (words.size() < n) return 0.0;
        std::set<std::vector<std::string>> unique;
        const size_t all = words.size() - n + 1;
        for (size_t i = 0; i < all; ++i) {
          const auto first = words.begin() + static_cast<std::ptrdiff_t>(i);
          unique.emplace(first, first + static_cast<std::ptrdiff_t>(n));
        }
        return (1.0 - static_cast<double>(unique.size()) / static_cast<double>(all)) * worst;
      });
}

}  // namespace swift::train::rewards
