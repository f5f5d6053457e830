// The log-probability of one token from the logits of its position, as LinearLogProbs (linear_log_probs.h)
// computes it, bit for bit: an engine that holds the logits and a trainer that makes them again agree.
#pragma once
#include <cstdint>

namespace swift::ops {

// log softmax(z / temperature)[label]; z (vocab) fp32, temperature above 0.
float label_log_prob(const float* z, int64_t vocab, int64_t label, double temperature);

}  // namespace swift::ops
