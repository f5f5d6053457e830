// What of the engine is not stepping: the check of requests, embeddings, adapters.
#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/format.h"
#include "infer/engine.h"

namespace swift::infer {

using base::cat;
using base::Error;
using base::ExitCode;

void Engine::check_prompt(const std::vector<int32_t>& prompt, int64_t answer) const {
  const auto tokens = static_cast<int64_t>(prompt.size());
  if (tokens == 0) throw Error(ExitCode::data, "the prompt is empty");
  if (tokens + answer > model_.max_positions()) {
    throw Error(ExitCode::data,
                cat("the prompt has ", tokens, " tokens, which leaves no room for an answer in the model's ",
                    "context of ", model_.max_positions(), " tokens"),
                {}, "shorten the prompt");
  }
  if (tokens + answer > capacity()) {
    throw Error(ExitCode::data,
                cat("the prompt has ", tokens, " tokens, which leaves no room for an answer in the ",
                    "key/value cache of ", capacity(), " tokens"),
                {}, "shorten the prompt, or give the cache more memory");
  }
  for (const int32_t id : prompt) {
    if (id >= 0 && id < model_.vocab_size()) continue;
    throw Error(
        ExitCode::data,
        cat("the prompt holds token ", id, ", the model's vocabulary has ", model_.vocab_size(), " tokens"),
        {}, "tokenizer.json and the weights belong to different models");
  }
}

void Engine::check(const Request& request) const {
  const SamplingParams& params = request.params;
  validate(params);
  const auto require_token = [this](const char* name, int32_t id) {
    if (id >= 0 && id < model_.vocab_size()) return;
    throw Error(ExitCode::usage, cat(name, ": token ", id, " is not from 0 to ", model_.vocab_size() - 1));
  };
  for (const auto& [id, bias] : params.logit_bias) require_token("logit_bias", id);
  for (const int32_t id : params.stop_ids) require_token("stop_ids", id);
  for (const auto& words : params.bad_words) {
    for (const int32_t id : words) require_token("bad_words", id);
  }
  if (params.allowed_ids) {
    for (const int32_t id : *params.allowed_ids) require_token("allowed_ids", id);
  }
  check_prompt(request.prompt, 1);
}

int32_t Engine::adapter_index(const std::string& name) const {
  if (name.empty()) return -1;
  const auto found = adapter_names_.find(name);
  if (found == adapter_names_.end()) throw Error(ExitCode::usage, cat("there is no adapter '", name, "'"));
  return found->second;
}

std::vector<std::vector<float>> Engine::embed(const std::vector<std::vector<int32_t>>& prompts,
                                              const std::string& adapter) {
  const int32_t index = adapter_index(adapter);
  for (const auto& prompt : prompts) check_prompt(prompt, 0);
  std::vector<std::vector<float>> results;
  for (const auto& prompt : prompts) {
    const std::vector<int32_t> blocks = scheduler_.borrow(static_cast<int64_t>(prompt.size()));
    const Step step{.tokens = prompt, .blocks = blocks, .adapter = index, .logits = 0};
    try {
      results.push_back(model_.embed({&step, 1}).at(0));
    } catch (...) {
      scheduler_.give_back(blocks);
      throw;
    }
    scheduler_.give_back(blocks);
  }
  return results;
}

void Engine::load_adapter(const std::string& name, const std::filesystem::path& directory) {
  if (name.empty() || adapter_names_.contains(name)) {
    throw Error(ExitCode::usage, cat("adapter name '", name, "' is ", name.empty() ? "empty" : "taken"));
  }
  const int32_t index = model_.load_adapter(directory);
  adapter_names_[name] = index;
  adapters_[index] = {};
}

bool Engine::unload_adapter(const std::string& name) {
  const auto found = adapter_names_.find(name);
  if (found == adapter_names_.end()) return false;
  const int32_t index = found->second;
  adapter_names_.erase(found);
  LoadedAdapter& adapter = adapters_[index];
  adapter.leaving = true;
  if (adapter.users > 0) return true;
  adapters_.erase(index);
  model_.unload_adapter(index);
  return true;
}

}  // namespace swift::infer
