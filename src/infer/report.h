// What a run says about itself on stderr, and the JSON of a request's usage.
#pragma once
#include <cstdint>
#include <string>

#include "base/json.h"
#include "infer/engine.h"

namespace swift::infer {

// "infer: prefill 12 tokens in 0.05 s (240.0 tokens/s); decode 64 tokens in 1.28 s (50.0 tokens/s)"
std::string throughput_line(const Throughput& throughput);

// "infer: acc 0.8125 (65/80)"
std::string accuracy_line(int64_t correct, int64_t total);

// {prompt_tokens, completion_tokens, total_tokens}
base::Json to_json(const Usage& usage);

}  // namespace swift::infer
