// What a dataset would teach, looked at before training: figures, and a refusal of samples that would teach
// nothing or never teach to stop.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/sample.h"
#include "text/tokenizer.h"

namespace swift::data {

struct InspectOptions {
  bool pretrain = false;                // no end of turn is asked for
  std::vector<int32_t> end_ids;         // Encoder::end_ids(); empty: the end of turn is not checked
  std::optional<int32_t> bos_token_id;  // two of these at the start are refused
  bool everything_trained = false;      // loss_scale all: text may follow the end of the last turn
};

// Token counts are per sample.
struct Report {
  int64_t samples = 0;
  int64_t tokens = 0;
  int64_t trained_tokens = 0;
  int64_t min = 0;
  int64_t max = 0;
  double mean = 0;
  double std = 0;          // population
  int64_t dropped = 0;     // rows that gave no sample, set by the loader
  int64_t open_ended = 0;  // truncated samples without a trained end of turn
  double trained_share() const;
  // One line for the log.
  std::string summary() const;
};

// The checks of one sample, as inspect() makes them. False when it was cut and lost its end of turn.
bool check_sample(const Sample& sample, const text::Tokenizer& tokenizer, const InspectOptions& options);

// Throws base::Error(data) with the row's place and a hint when a sample trains no token, begins with two
// BOS, or (not pretrain) its last trained token is no end of turn. Truncated samples may lack the latter: one
// warning. Also when there are no samples.
Report inspect(std::span<const Sample> samples, const text::Tokenizer& tokenizer,
               const InspectOptions& options);

// The decoded text of a sample with its mask, and its counts: trained green and the rest grey when `colour`,
// else trained text between [[ and ]]. Control characters are shown as \xNN. At most max_tokens of it.
std::string coloured_dump(const Sample& sample, const text::Tokenizer& tokenizer, bool colour,
                          size_t max_tokens = 2048);

}  // namespace swift::data
