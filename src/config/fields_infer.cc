#include "config/fields.h"

namespace swift::config {

void infer_fields(FieldList& v, Task& t) {
  v.group("Input and output", kInfer);
  v("prompt", &t.prompt, {}, "One question to answer; without it and infer_input: a chat at the terminal");
  v("infer_input", &t.infer_input, {}, "JSONL file of questions");
  v("result_path", &t.result_path, {}, "JSONL file of answers; unset: standard output");
  v("metric", &t.metric, {.one_of = {"acc"}}, "Score the answers against the reference of each row");
  v("max_batch_size", &t.max_batch_size, {.min = 1}, "Questions answered at a time");
  v("stream", &t.stream, {}, "Print text as it is generated");

  v.group("Server", kInfer | kTrain);
  v("base_url", &t.base_url, {},
    "Ask this OpenAI-compatible server instead of generating here; train: for the rollouts of grpo");

  v.group("Length", kInfer | kDeploy);
  v("max_new_tokens", &t.max_new_tokens, {.min = 1},
    "Longest answer in tokens; unset: generation_config.json, then 512");

  v.group("Generation", kInfer | kDeploy | kTrain);
  v("temperature", &t.temperature, {.min = 0},
    "0: greedy; unset: generation_config.json, for rollouts of method grpo 0.9");
  v("top_k", &t.top_k, {.min = -1}, "Sample from the k likeliest tokens; 0 or -1: from all; rollouts: -1");
  v("top_p", &t.top_p, {.max = 1, .above = 0}, "Sample from the likeliest tokens of this total probability");
  v("min_p", &t.min_p, {.min = 0, .max = 1},
    "Drop tokens below this part of the likeliest one's probability");
  v("repetition_penalty", &t.repetition_penalty, {.above = 0},
    "Divides the logits of tokens already seen; 1: off");
  v("stop_words", &t.stop_words, {}, "Texts that end an answer");

  v.group("Answers", kInfer | kDeploy);
  v("ignore_eos", &t.ignore_eos, {}, "Generate exactly max_new_tokens");
  v("logprobs", &t.logprobs, {}, "Add the log-probability of each generated token");
  v("top_logprobs", &t.top_logprobs, {.min = 0, .max = 1000}, "Alternatives listed for each token");
}

}  // namespace swift::config
