// The scheduler's use of the prefix cache: which blocks a sequence finds there, waits for, and adds.
#include <algorithm>

#include "infer/scheduler.h"

namespace swift::infer {

bool Scheduler::shares(const Sequence& sequence) const {
  return options_.prefix_caching && !sequence.wants_prompt_logprobs() &&
         (sequence.blocks.empty() || sequence.epoch == epoch_);
}

// Of the sequence's block number `block`, which must be full.
PrefixKey Scheduler::key(Sequence& sequence, int64_t block, uint64_t parent) const {
  const auto size = static_cast<size_t>(pool_.block_tokens());
  const std::span<const int32_t> tokens(sequence.tokens);
  auto& hashes = sequence.hashes;
  while (static_cast<int64_t>(hashes.size()) <= block) {
    const uint64_t before =
        hashes.empty() ? prefix_root(sequence.adapter, sequence.request.cache_salt) : hashes.back();
    hashes.push_back(prefix_hash(before, tokens.subspan(hashes.size() * size, size)));
  }
  const auto at = static_cast<size_t>(block);
  return {hashes[at], parent, sequence.adapter, sequence.request.cache_salt, tokens.subspan(at * size, size)};
}

// Whether an earlier sequence computes that block in this pass: it is worth waiting for.
bool Scheduler::next_block_is_claimed(Sequence& sequence, int64_t block) {
  if (claimed_.empty() || (block + 1) * pool_.block_tokens() >= sequence.length()) return false;
  return claimed_.contains(key(sequence, block, 0).hash);
}

// Cached blocks from number `block` on. The last token is always computed: its logits are wanted.
std::vector<BlockPool::Cached> Scheduler::find_prefix(Sequence& sequence, int64_t block,
                                                      uint64_t parent) const {
  std::vector<BlockPool::Cached> found;
  const int64_t most = (sequence.length() - 1) / pool_.block_tokens();
  for (; block < most; ++block) {
    const auto cached = pool_.find(key(sequence, block, parent));
    if (!cached) break;
    parent = cached->serial;
    found.push_back(*cached);
  }
  return found;
}

// Puts cached blocks in the place of the sequence's own from its computed tokens on.
void Scheduler::take_prefix(Sequence& sequence, const std::vector<BlockPool::Cached>& found) {
  for (const BlockPool::Cached& cached : found) {
    pool_.hold(cached.block);
    const auto at = static_cast<size_t>(sequence.stored);
    if (at < sequence.blocks.size()) {
      pool_.release(sequence.blocks[at]);
      sequence.blocks[at] = cached.block;
    } else {
      sequence.blocks.push_back(cached.block);
    }
    ++sequence.stored;
    sequence.parent = cached.serial;
    sequence.computed += pool_.block_tokens();
  }
  if (sequence.preempted) return;
  const auto tokens = static_cast<int64_t>(found.size()) * pool_.block_tokens();
  sequence.cached_tokens += tokens;
  counts_.prefix_hits += static_cast<uint64_t>(tokens);
}

void Scheduler::computed(Sequence& sequence, int64_t computed) {
  sequence.computed = computed;
  if (!options_.prefix_caching || sequence.epoch != epoch_) return;
  while ((sequence.stored + 1) * pool_.block_tokens() <= computed) {
    const int32_t block = sequence.blocks[static_cast<size_t>(sequence.stored)];
    sequence.parent = pool_.store(block, key(sequence, sequence.stored, sequence.parent));
    ++sequence.stored;
  }
}

void Scheduler::reset_prefix_cache() {
  pool_.forget_prefixes();
  ++epoch_;
}

}  // namespace swift::infer
