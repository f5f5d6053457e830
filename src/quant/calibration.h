// Token sequences that pass the model block by block.
#pragma once
#include <functional>
#include <vector>

#include "model/decoder.h"

namespace swift::quant {

// Sequences of one length. `hidden` holds what comes into the next block, in the model's type.
struct Calibration {
  std::vector<std::vector<int32_t>> sequences;
  at::Tensor hidden;  // (sequences, length, hidden)

  int64_t count() const { return static_cast<int64_t>(sequences.size()); }
  int64_t length() const { return sequences.empty() ? 0 : static_cast<int64_t>(sequences.front().size()); }
};

// The tokens of all samples one after another, cut into sequences of `length`; at most `count`, beginning
// after the first `skip` of them. Throws base::Error(data) where there is not one, and where all are the same
// token over and over or copies of each other (several asked for).
std::vector<std::vector<int32_t>> cut_sequences(const std::vector<std::vector<int32_t>>& samples,
                                                int64_t length, int64_t count, int64_t skip);

// Fills hidden with the embeddings.
void embed(const model::Decoder& decoder, Calibration& data);

// Some sequences laid one after another, as the parts of a block take them.
struct CalibrationBatch {
  int64_t first = 0, count = 0;  // sequences
  const model::RopeTable& rope;
  model::AttentionContext& attention;
};

// f(batch) for all sequences, `size` at a time. Throws base::Error(128 + signal) when one asked to stop.
void for_batches(const model::Decoder& decoder, int64_t sequences, int64_t length, int64_t size,
                 const std::function<void(const CalibrationBatch&)>& f);

// Runs a whole block over the hidden states, in place.
void run_block(const model::Decoder& decoder, int64_t block, Calibration& data, int64_t batch);

// The mean loss of the next tokens of each sequence in nats, from hidden states behind the last block.
std::vector<double> sequence_losses(const model::Decoder& decoder, const Calibration& data);

// exp of the mean of such losses.
double perplexity(const std::vector<double>& losses);

// Standard error of the mean of later - earlier, pair by pair; 0 for fewer than two. Near 0 it is also that
// of the ratio of the two perplexities.
double paired_error(const std::vector<double>& earlier, const std::vector<double>& later);

}  // namespace swift::quant
