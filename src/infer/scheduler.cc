#include "infer/scheduler.h"

#include <algorithm>

namespace swift::infer {

Scheduler::Scheduler(const SchedulerOptions& options, int64_t blocks, int64_t block_tokens)
    : options_(options), pool_(blocks, block_tokens) {}

int64_t Scheduler::blocks_for(int64_t tokens) const {
  return (tokens + pool_.block_tokens() - 1) / pool_.block_tokens();
}

void Scheduler::add(std::unique_ptr<Sequence> sequence) {
  const int64_t priority = options_.policy == Policy::priority ? sequence->request.priority : 0;
  sequence->order = {priority, arrivals_++};
  waiting_.emplace(sequence->order, std::move(sequence));
}

const std::vector<Scheduled>& Scheduler::schedule() {
  scheduled_.clear();
  claimed_.clear();
  budget_ = options_.max_num_batched_tokens;
  preempted_ = false;
  schedule_decodes();
  schedule_prefills();
  if (!preempted_) admit();
  return scheduled_;
}

void Scheduler::schedule_decodes() {
  for (size_t i = 0; i < running_.size() && budget_ > 0; ++i) {
    Sequence& sequence = *running_[i];
    if (sequence.pending() != 1) continue;
    auto guesses = static_cast<int64_t>(sequence.draft.size());
    guesses = std::min(guesses, budget_ - 1);
    // Guesses are not worth a preemption.
    const auto own = static_cast<int64_t>(sequence.blocks.size());
    const int64_t spare = std::max<int64_t>(0, pool_.available() - static_cast<int64_t>(running_.size()));
    guesses = std::clamp<int64_t>((own + spare) * pool_.block_tokens() - sequence.length(), 0, guesses);
    sequence.draft.resize(static_cast<size_t>(guesses));
    if (!provide_blocks(sequence, sequence.length() + guesses)) break;
    scheduled_.push_back({&sequence, 1 + guesses});
    budget_ -= 1 + guesses;
  }
}

void Scheduler::schedule_prefills() {
  for (size_t i = 0; i < running_.size() && budget_ > 0; ++i) {
    Sequence& sequence = *running_[i];
    if (sequence.pending() <= 1) continue;
    if (shares(sequence) && sequence.computed % pool_.block_tokens() == 0) {
      const int64_t block = sequence.computed / pool_.block_tokens();
      take_prefix(sequence, find_prefix(sequence, block, sequence.parent));
      if (next_block_is_claimed(sequence, sequence.computed / pool_.block_tokens())) continue;
    }
    if (!provide_blocks(sequence, sequence.length())) break;
    schedule_part(sequence);
  }
}

// The next part of what is pending, which ends with a block unless it is the last.
void Scheduler::schedule_part(Sequence& sequence) {
  int64_t tokens = std::min(sequence.pending(), budget_);
  if (sequence.wants_prompt_logprobs()) tokens = std::min(tokens, options_.prompt_logprobs_chunk);
  if (tokens < sequence.pending()) {
    const int64_t over = (sequence.computed + tokens) % pool_.block_tokens();
    if (tokens > over) tokens -= over;
  }
  if (shares(sequence)) {
    const int64_t end = (sequence.computed + tokens) / pool_.block_tokens();
    for (int64_t block = sequence.computed / pool_.block_tokens(); block < end; ++block) {
      claimed_.insert(key(sequence, block, 0).hash);
    }
  }
  scheduled_.push_back({&sequence, tokens});
  budget_ -= tokens;
}

void Scheduler::admit() {
  auto next = waiting_.begin();
  bool blocked = false;
  while (next != waiting_.end() && budget_ > 0 && !blocked &&
         static_cast<int64_t>(running_.size()) < options_.max_num_seqs) {
    next = admit(next->second, blocked) ? waiting_.erase(next) : std::next(next);
  }
}

// Gives the request every block its prompt needs, so that prompts that run cannot starve each other.
// `blocked` when they are not there; a request whose prefix is being computed is passed over and shares it
// later.
bool Scheduler::admit(std::unique_ptr<Sequence>& waiting, bool& blocked) {
  Sequence& sequence = *waiting;
  const auto found = shares(sequence) ? find_prefix(sequence, 0, 0) : std::vector<BlockPool::Cached>();
  if (shares(sequence) && next_block_is_claimed(sequence, static_cast<int64_t>(found.size()))) return false;
  const auto unused = std::count_if(found.begin(), found.end(),
                                    [&](const auto& cached) { return pool_.is_free(cached.block); });
  const int64_t fresh = blocks_for(sequence.length()) - static_cast<int64_t>(found.size());
  const auto reserve = static_cast<int64_t>(options_.watermark * static_cast<double>(pool_.size()));
  const int64_t left = running_.empty() ? 0 : std::max<int64_t>(1, reserve);
  blocked = pool_.available() - unused < fresh + left;
  if (blocked) return false;
  sequence.epoch = epoch_;
  if (!sequence.preempted && shares(sequence)) {
    counts_.prefix_queries += static_cast<uint64_t>(sequence.length());
  }
  take_prefix(sequence, found);
  for (int64_t i = 0; i < fresh; ++i) sequence.blocks.push_back(*pool_.allocate());
  const auto place =
      std::upper_bound(running_.begin(), running_.end(), sequence.order,
                       [](const Order& order, const auto& other) { return order < other->order; });
  running_.insert(place, std::move(waiting));
  schedule_part(sequence);
  return true;
}

// False when the sequence itself had to give way.
bool Scheduler::provide_blocks(Sequence& sequence, int64_t tokens) {
  while (static_cast<int64_t>(sequence.blocks.size()) < blocks_for(tokens)) {
    if (const auto block = pool_.allocate()) {
      sequence.blocks.push_back(*block);
      continue;
    }
    const bool itself = running_.back().get() == &sequence;
    preempt_last();
    if (itself) return false;
  }
  return true;
}

void Scheduler::preempt_last() {
  std::unique_ptr<Sequence> victim = std::move(running_.back());
  running_.pop_back();
  std::erase_if(scheduled_, [&](const Scheduled& item) {
    if (item.sequence != victim.get()) return false;
    budget_ += item.tokens;
    return true;
  });
  release_blocks(*victim);
  victim->preempted = true;
  preempted_ = true;
  ++counts_.preemptions;
  const Order order = victim->order;
  waiting_.emplace(order, std::move(victim));
}

// The last block first: a prefix is of use without its end, not the other way round.
void Scheduler::release_blocks(Sequence& sequence) {
  for (auto block = sequence.blocks.rbegin(); block != sequence.blocks.rend(); ++block) pool_.release(*block);
  sequence.blocks.clear();
  sequence.draft.clear();
  sequence.computed = 0;
  sequence.stored = 0;
  sequence.parent = 0;
}

std::unique_ptr<Sequence> Scheduler::remove(uint64_t id) {
  const auto is_it = [id](const auto& sequence) { return sequence->request.id == id; };
  const auto running = std::find_if(running_.begin(), running_.end(), is_it);
  if (running != running_.end()) return remove(**running);
  const auto waiting =
      std::find_if(waiting_.begin(), waiting_.end(), [&](const auto& item) { return is_it(item.second); });
  return waiting == waiting_.end() ? nullptr : std::move(waiting_.extract(waiting).mapped());
}

std::unique_ptr<Sequence> Scheduler::remove(const Sequence& sequence) {
  const auto place = std::find_if(running_.begin(), running_.end(),
                                  [&](const auto& item) { return item.get() == &sequence; });
  if (place == running_.end()) return nullptr;
  std::unique_ptr<Sequence> result = std::move(*place);
  running_.erase(place);
  release_blocks(*result);
  return result;
}

std::vector<std::unique_ptr<Sequence>> Scheduler::take_all() {
  std::vector<std::unique_ptr<Sequence>> all = std::exchange(running_, {});
  for (const auto& sequence : all) release_blocks(*sequence);
  for (auto& [order, sequence] : waiting_) all.push_back(std::move(sequence));
  waiting_.clear();
  return all;
}

std::vector<int32_t> Scheduler::borrow(int64_t tokens) {
  while (pool_.available() < blocks_for(tokens) && !running_.empty()) preempt_last();
  std::vector<int32_t> blocks;
  for (int64_t i = 0; i < blocks_for(tokens); ++i) blocks.push_back(*pool_.allocate());
  return blocks;
}

void Scheduler::give_back(const std::vector<int32_t>& blocks) {
  for (const int32_t block : blocks) pool_.release(block);
}

}  // namespace swift::infer
