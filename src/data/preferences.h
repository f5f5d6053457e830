// Preference data: two encoded answers to one prompt, or for KTO one answer with its label.
#pragma once
#include <string>
#include <vector>

#include "data/dataset.h"

namespace swift::data {

struct Preference {
  Sample chosen;
  Sample rejected;   // without ids where the row holds one answer (KTO)
  bool good = true;  // KTO: the label
  double margin = 0;
  int64_t tokens() const { return static_cast<int64_t>(chosen.input_ids.size() + rejected.input_ids.size()); }
};

enum class PreferenceKind { pair, labelled };

struct PreferenceDataset {
  std::vector<Preference> train;
  std::vector<Preference> validation;  // may be empty
};

// Encodes one row; nothing when an answer is above max_length and the encoder drops those. Throws
// Error(data) at the row: no rejected answer, one that equals the chosen, an empty answer, a label that is
// neither true nor false.
std::optional<Preference> encode_preference(const Row& row, const Encoder& encoder, PreferenceKind kind);

// As load_dataset, without a cache: loads, splits, encodes and checks. With load.strict false, rows that
// cannot be used are dropped with one warning that tells how many and the first. Says in the log what the
// data holds. Throws base::Error(data) where none is left.
PreferenceDataset load_preferences(const DatasetOptions& options, const Encoder& encoder,
                                   PreferenceKind kind);

// Leading tokens that two answers have in common and whose successors are equal too, so that everything up to
// there, and each trained label in it, is the same for both.
int64_t shared_tokens(const Sample& a, const Sample& b);

// A hash of ids, labels, weights, labels of KTO and margins: tells one data set from another.
std::string contents_hash(const std::vector<Preference>& data);

}  // namespace swift::data
