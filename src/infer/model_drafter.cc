#include "infer/model_drafter.h"

#include <algorithm>

#include "base/error.h"
#include "base/format.h"

namespace swift::infer {

ModelDrafter::ModelDrafter(StepModel& model, int64_t most_batched_tokens, int64_t vocab)
    : model_(model),
      most_batched_tokens_(most_batched_tokens),
      vocab_(static_cast<size_t>(vocab > 0 ? std::min(vocab, model.vocab_size()) : model.vocab_size())),
      pool_(model.blocks(), model.block_tokens()) {}

bool ModelDrafter::knows(std::span<const int32_t> tokens) const {
  return std::all_of(tokens.begin(), tokens.end(), [this](int32_t id) { return id < model_.vocab_size(); });
}

void ModelDrafter::forget(uint64_t id) {
  const auto found = states_.find(id);
  if (found == states_.end()) return;
  for (const int32_t block : found->second.blocks) pool_.release(block);
  states_.erase(found);
}

bool ModelDrafter::provide_blocks(State& state, size_t tokens) {
  const auto size = static_cast<size_t>(pool_.block_tokens());
  while (state.blocks.size() * size < tokens) {
    const auto block = pool_.allocate();
    if (!block) return false;
    state.blocks.push_back(*block);
  }
  return true;
}

void ModelDrafter::propose(std::span<const DraftQuery> queries) {
  std::vector<Work> work;
  for (const DraftQuery& query : queries) {
    const size_t longest = query.tokens.size() + static_cast<size_t>(query.most);
    if (static_cast<int64_t>(longest) > model_.max_positions()) continue;
    State& state = states_[query.id];
    // Guesses that were wrong are overwritten; the last token is computed again when it was a right one.
    const auto [end, unused] =
        std::mismatch(state.tokens.begin(), state.tokens.end(), query.tokens.begin(), query.tokens.end() - 1);
    state.tokens.erase(end, state.tokens.end());
    const auto pending = query.tokens.subspan(state.tokens.size());
    if (!knows(pending) || !provide_blocks(state, longest)) {
      forget(query.id);
      continue;
    }
    work.push_back({&query, &state, {pending.begin(), pending.end()}});
  }
  while (!work.empty()) advance(work);
}

// One forward pass: every sequence's pending tokens within the budget, and a guess where none is left over.
void ModelDrafter::advance(std::vector<Work>& work) {
  std::vector<Work*> batch;
  std::vector<size_t> counts;
  auto budget = static_cast<size_t>(most_batched_tokens_);
  for (Work& item : work) {
    if (budget == 0) break;
    batch.push_back(&item);
    counts.push_back(std::min(budget, item.pending.size()));
    budget -= counts.back();
  }
  compute(batch, counts);
  std::erase_if(work, [](const Work& item) {
    return static_cast<int64_t>(item.query->draft->size()) == item.query->most;
  });
}

void ModelDrafter::compute(std::span<Work* const> batch, std::span<const size_t> counts) {
  const auto size = static_cast<size_t>(pool_.block_tokens());
  std::vector<Step> steps;
  for (size_t i = 0; i < batch.size(); ++i) {
    const Work& item = *batch[i];
    const size_t end = item.state->tokens.size() + counts[i];
    steps.push_back({.tokens = std::span(item.pending).first(counts[i]),
                     .start = static_cast<int64_t>(item.state->tokens.size()),
                     .blocks = std::span(item.state->blocks).first((end + size - 1) / size),
                     .logits = counts[i] == item.pending.size() ? 1 : 0});
  }
  std::span<const float> logits = model_.forward(steps);
  const auto vocab = static_cast<size_t>(model_.vocab_size());
  for (size_t i = 0; i < batch.size(); ++i) {
    Work& item = *batch[i];
    const auto end = item.pending.begin() + static_cast<std::ptrdiff_t>(counts[i]);
    item.state->tokens.insert(item.state->tokens.end(), item.pending.begin(), end);
    item.pending.erase(item.pending.begin(), end);
    if (steps[i].logits == 0) continue;
    auto& draft = *item.query->draft;
    draft.push_back(item.query->sampler->guess(logits.first(vocab_), draft.size(), scratch_));
    item.pending = {draft.back()};
    logits = logits.subspan(vocab);
  }
}

void require_same_tokens(const text::Tokenizer& model, const text::Tokenizer& draft,
                         const std::string& directory) {
  const auto refuse = [&](const std::string& difference) {
    throw base::Error(base::ExitCode::usage,
                      base::cat("speculative_model: its tokens are not those of the model: ", difference),
                      {directory}, "take a smaller model of the same family");
  };
  if (model.vocab_size() != draft.vocab_size()) {
    refuse(base::cat("it has ", draft.vocab_size(), ", the model ", model.vocab_size()));
  }
  for (size_t i = 0; i < model.vocab_size(); ++i) {
    const auto id = static_cast<text::TokenId>(i);
    const std::string own = model.token_of(id), other = draft.token_of(id);
    if (own != other) refuse(base::cat("token ", id, " is '", other, "', for the model '", own, "'"));
  }
}

}  // namespace swift::infer
