#include "train/grpo/rollout.h"

#include <algorithm>

#include "base/error.h"
#include "base/format.h"

namespace swift::train::grpo {

using base::cat;
using base::Error;
using base::ExitCode;
using base::Json;

namespace {

constexpr const char* kMarker = "answer-whose-end-is-sought";

std::vector<int32_t> joined(const Prompt& prompt, const Rollout& rollout) {
  std::vector<int32_t> ids = prompt.ids;
  ids.insert(ids.end(), rollout.ids.begin(), rollout.ids.end());
  return ids;
}

// Tokens that the next turn may have.
int64_t room(const Prompt& prompt, const Rollout& rollout, const RolloutSettings& settings) {
  const auto used = static_cast<int64_t>(rollout.ids.size());
  const int64_t context = settings.max_positions - static_cast<int64_t>(prompt.ids.size()) - used;
  const int64_t allowed =
      settings.limit_total ? settings.max_completion_length - used : settings.max_completion_length;
  return std::min(context, allowed);
}

void take_completion(Rollout& rollout, Completion completion) {
  rollout.ids.insert(rollout.ids.end(), completion.ids.begin(), completion.ids.end());
  rollout.written.resize(rollout.ids.size(), 1);
  completion.log_probs.resize(completion.ids.size(), 0.0F);
  rollout.log_probs.insert(rollout.log_probs.end(), completion.log_probs.begin(), completion.log_probs.end());
  rollout.truncated = completion.truncated;
  rollout.messages.push_back({{"role", "assistant"}, {"content", completion.text}});
  rollout.text = std::move(completion.text);
}

// Adds the environment's reply; false when there is no room for another turn.
bool take_reply(Rollout& rollout, const Prompt& prompt, const Json& reply, const data::Encoder& encoder,
                const RolloutSettings& settings) {
  const auto ids = continuation_ids(encoder, prompt, rollout.messages, reply, rollout.ids);
  rollout.ids.insert(rollout.ids.end(), ids.begin(), ids.end());
  rollout.written.resize(rollout.ids.size(), 0);
  rollout.log_probs.resize(rollout.ids.size(), 0.0F);
  for (const Json& message : reply) rollout.messages.push_back(message);
  if (room(prompt, rollout, settings) >= 1) {
    ++rollout.turns;
    return true;
  }
  // What cannot be answered need not be there.
  rollout.ids.resize(rollout.ids.size() - ids.size());
  rollout.written.resize(rollout.ids.size());
  rollout.log_probs.resize(rollout.ids.size());
  rollout.truncated = true;
  return false;
}

class Conversations {
 public:
  Conversations(const std::vector<Prompt>& prompts, const data::Encoder& encoder,
                rewards::Environment& environment, const RolloutSettings& settings)
      : prompts_(prompts), encoder_(encoder), environment_(environment), settings_(settings) {}

  // Asks the environment about the rollouts that have a new turn; returns those that go on.
  std::vector<size_t> advance(std::vector<Rollout>& rollouts, const std::vector<size_t>& active,
                              const std::vector<uint64_t>& streams) {
    std::vector<rewards::EnvironmentStep> steps;
    for (const size_t i : active) {
      const Prompt& prompt = prompts_[static_cast<size_t>(rollouts[i].prompt)];
      steps.push_back({streams[i], rollouts[i].turns, rollouts[i].text, rollouts[i].messages,
                       rollouts[i].truncated, &prompt.row.columns, prompt.row.where});
    }
    const auto replies = environment_.step(steps);
    std::vector<size_t> on;
    for (size_t k = 0; k < active.size(); ++k) {
      Rollout& rollout = rollouts[active[k]];
      if (replies[k].reward)
        rollout.environment_reward = rollout.environment_reward.value_or(0) + *replies[k].reward;
      const bool last = replies[k].done || rollout.truncated || replies[k].messages.empty() ||
                        (settings_.max_turns && rollout.turns >= *settings_.max_turns);
      const Prompt& prompt = prompts_[static_cast<size_t>(rollout.prompt)];
      if (!last && take_reply(rollout, prompt, replies[k].messages, encoder_, settings_))
        on.push_back(active[k]);
    }
    return on;
  }

 private:
  const std::vector<Prompt>& prompts_;
  const data::Encoder& encoder_;
  rewards::Environment& environment_;
  const RolloutSettings& settings_;
};

}  // namespace

int64_t Rollout::written_tokens() const {
  return std::count(written.begin(), written.end(), 1);
}

std::vector<int32_t> continuation_ids(const data::Encoder& encoder, const Prompt& prompt,
                                      const Json& messages, const Json& reply,
                                      const std::vector<int32_t>& completion) {
  data::Row row = prompt.row;
  row.messages = messages;
  row.messages.back()["content"] = kMarker;
  for (const Json& message : reply) row.messages.push_back(message);
  const std::string text = encoder.prompt_text(row);
  const size_t at = text.rfind(kMarker);
  if (at == std::string::npos) {
    throw Error(ExitCode::data,
                "the chat template leaves an assistant's turn out that an environment answered",
                prompt.row.where, "environments need a template that keeps all turns");
  }
  std::vector<int32_t> ids =
      encoder.tokenizer().encode(std::string_view(text).substr(at + std::string_view(kMarker).size()));
  if (!ids.empty() && !completion.empty() && ids.front() == completion.back()) ids.erase(ids.begin());
  return ids;
}

std::vector<Rollout> generate(const std::vector<Prompt>& prompts, const std::vector<int64_t>& which,
                              const std::vector<uint64_t>& streams, CompletionSource& source,
                              const data::Encoder& encoder, rewards::Environment* environment,
                              const RolloutSettings& settings) {
  std::vector<Rollout> rollouts(which.size());
  std::vector<size_t> active;
  for (size_t i = 0; i < which.size(); ++i) {
    rollouts[i].prompt = which[i];
    rollouts[i].messages = prompts[static_cast<size_t>(which[i])].row.messages;
    active.push_back(i);
  }
  while (!active.empty()) {
    std::vector<CompletionRequest> requests;
    for (const size_t i : active) {
      const Prompt& prompt = prompts[static_cast<size_t>(which[i])];
      // Each turn draws its own numbers.
      requests.push_back({joined(prompt, rollouts[i]), room(prompt, rollouts[i], settings),
                          streams[i] + (static_cast<uint64_t>(rollouts[i].turns - 1) << 40U)});
    }
    auto completions = source.complete(requests, settings.sampling);
    for (size_t k = 0; k < active.size(); ++k)
      take_completion(rollouts[active[k]], std::move(completions[k]));
    if (environment == nullptr) break;
    active = Conversations(prompts, encoder, *environment, settings).advance(rollouts, active, streams);
  }
  return rollouts;
}

rewards::Scored scored(const Rollout& rollout, const Prompt& prompt) {
  rewards::Scored row;
  row.prompt = prompt.question;
  row.completion = rollout.text;
  row.messages = rollout.messages;
  row.tokens = rollout.written_tokens();
  row.truncated = rollout.truncated;
  row.columns = &prompt.row.columns;
  row.where = prompt.row.where;
  return row;
}

}  // namespace swift::train::grpo
