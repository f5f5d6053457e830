// Passes of a model that chooses tokens itself, several a sequence where nothing stands against it.
#include <algorithm>

#include "infer/engine.h"

namespace swift::infer {
namespace {

// Whether the logits themselves are needed.
bool needs_logits(const Sequence& sequence) {
  return sequence.wants_prompt_logprobs();
}

}  // namespace

void Engine::plan_ahead() {
  if (!model_.draws() || drafter_) return;
  const auto& running = scheduler_.running();
  const bool alone =
      scheduler_.waiting() == 0 && std::all_of(running.begin(), running.end(), [](const auto& sequence) {
        return sequence->pending() == 1 && sequence->adapter < 0 && !needs_logits(*sequence) &&
               !sequence->completion.sampler().masks();
      });
  const int64_t ahead = alone ? model_.draws_ahead(static_cast<int64_t>(running.size())) : 1;
  for (const auto& sequence : running) {
    const int64_t most = std::min({ahead, sequence->completion.left(), capacity() - sequence->length() + 1});
    // Room in the cache for tokens that are not known yet.
    sequence->draft.assign(static_cast<size_t>(std::max<int64_t>(most, 1) - 1), 0);
  }
}

bool Engine::can_draw(const std::vector<Scheduled>& scheduled) const {
  return model_.draws() && !drafter_ &&
         std::none_of(scheduled.begin(), scheduled.end(),
                      [](const auto& item) { return needs_logits(*item.sequence); });
}

int64_t Engine::draw(std::vector<Scheduled> scheduled, std::vector<Event>& events) {
  const auto vocab = static_cast<size_t>(model_.vocab_size());
  const bool decodes = std::all_of(scheduled.begin(), scheduled.end(),
                                   [](const auto& item) { return item.sequence->pending() == 1; });
  int64_t count = decodes ? scheduled.front().tokens : 1;
  int64_t planned = 0;
  for (Scheduled& item : scheduled) {
    count = std::min(count, item.tokens);
    planned += item.tokens;
    item.tokens = std::min(item.tokens, item.sequence->pending());
    item.sequence->draft.clear();
  }
  Batch batch = prepare(scheduled);
  std::vector<ops::DrawRule> rules;
  ops::DrawnTokens drawn;
  try {
    for (size_t i = 0; i < scheduled.size(); ++i) {
      batch.steps[i].blocks = scheduled[i].sequence->blocks;
      if (batch.steps[i].logits > 0) rules.push_back(scheduled[i].sequence->completion.rule(vocab));
    }
    drawn = model_.draw(batch.steps, rules, count);
  } catch (const std::exception& error) {
    failure_ = std::current_exception();
    for (const Scheduled& item : scheduled) events.push_back(fail(*item.sequence, error.what()));
    return 0;
  }
  int64_t used = 0;
  size_t row = 0;
  for (size_t i = 0; i < scheduled.size(); ++i) {
    Sequence& sequence = *scheduled[i].sequence;
    if (batch.steps[i].logits == 0) {
      scheduler_.computed(sequence, sequence.computed + scheduled[i].tokens);
      used += scheduled[i].tokens;
      continue;
    }
    used += scheduled[i].tokens - 1;
    events.push_back(take_drawn(sequence, drawn, row++, rules.size(), used));
  }
  return planned - used;
}

Event Engine::take_drawn(Sequence& sequence, const ops::DrawnTokens& drawn, size_t row, size_t rows,
                         int64_t& used) {
  const auto vocab = static_cast<size_t>(model_.vocab_size());
  Event event = begin_event(sequence);
  try {
    for (size_t i = row; i < drawn.tokens.size(); i += rows) {
      const int32_t token = drawn.tokens[i];
      sequence.completion.take_drawn(token, drawn.log_probs.empty() ? nullptr : &drawn.log_probs[i], vocab,
                                     event);
      sequence.tokens.push_back(token);
      ++totals_.generation_tokens;
      ++used;
      if (event.finish_reason) break;
    }
  } catch (const std::exception& error) {
    failure_ = std::current_exception();
    event.finish_reason = FinishReason::failed;
    event.error = error.what();
  }
  end_event(sequence, event);
  return event;
}

}  // namespace swift::infer
