// What the next forward pass computes: decodes first, then parts of prompts, within a budget of tokens. Owns
// the sequences and gives them blocks of the cache.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "infer/block_pool.h"
#include "infer/sequence.h"

namespace swift::infer {

enum class Policy { fcfs, priority };

struct SchedulerOptions {
  int64_t max_num_seqs = 128;             // at once
  int64_t max_num_batched_tokens = 2048;  // of one forward pass
  // Parts of a prompt whose log-probabilities are wanted: each of these tokens costs a row of logits.
  int64_t prompt_logprobs_chunk = 64;
  Policy policy = Policy::fcfs;
  bool prefix_caching = true;
  double watermark = 0.01;  // share of the blocks that a new request must leave to those running
};

// The tokens from sequence.computed on, its draft included.
struct Scheduled {
  Sequence* sequence = nullptr;
  int64_t tokens = 0;
};

struct SchedulerCounts {
  uint64_t prefix_queries = 0;
  uint64_t prefix_hits = 0;
  uint64_t preemptions = 0;
};

class Scheduler {
 public:
  Scheduler(const SchedulerOptions& options, int64_t blocks, int64_t block_tokens);

  void add(std::unique_ptr<Sequence> sequence);
  // Empty only when there is nothing to do. A sequence that finds no block makes the last in order give back
  // its own; that one starts anew later, with the tokens it has.
  const std::vector<Scheduled>& schedule();
  // Says that the sequence's first `computed` tokens are in the cache now.
  void computed(Sequence& sequence, int64_t computed);
  // Frees its blocks and hands it over; null when there is none.
  std::unique_ptr<Sequence> remove(uint64_t id);
  std::unique_ptr<Sequence> remove(const Sequence& sequence);

  // Blocks for `tokens` positions outside any sequence, preempting as schedule() does. Give them back.
  std::vector<int32_t> borrow(int64_t tokens);
  void give_back(const std::vector<int32_t>& blocks);

  // What is cached belongs to weights that are no more.
  void reset_prefix_cache();

  const std::vector<std::unique_ptr<Sequence>>& running() const { return running_; }
  std::vector<std::unique_ptr<Sequence>> take_all();  // running ones first, in order; frees their blocks
  size_t waiting() const { return waiting_.size(); }
  const BlockPool& pool() const { return pool_; }
  const SchedulerCounts& counts() const { return counts_; }
  const SchedulerOptions& options() const { return options_; }

 private:
  using Order = std::pair<int64_t, uint64_t>;  // priority, arrival

  void schedule_decodes();
  void schedule_prefills();
  void admit();
  bool admit(std::unique_ptr<Sequence>& waiting, bool& blocked);
  void schedule_part(Sequence& sequence);
  bool provide_blocks(Sequence& sequence, int64_t tokens);
  void preempt_last();
  void release_blocks(Sequence& sequence);
  // Prefix cache.
  PrefixKey key(Sequence& sequence, int64_t block, uint64_t parent) const;
  bool shares(const Sequence& sequence) const;
  bool next_block_is_claimed(Sequence& sequence, int64_t block);
  std::vector<BlockPool::Cached> find_prefix(Sequence& sequence, int64_t block, uint64_t parent) const;
  void take_prefix(Sequence& sequence, const std::vector<BlockPool::Cached>& found);
  int64_t blocks_for(int64_t tokens) const;

  SchedulerOptions options_;
  BlockPool pool_;
  std::map<Order, std::unique_ptr<Sequence>> waiting_;
  std::vector<std::unique_ptr<Sequence>> running_;  // in order
  std::vector<Scheduled> scheduled_;
  int64_t budget_ = 0;                    // tokens the pass may still take
  std::unordered_set<uint64_t> claimed_;  // hashes of blocks this pass computes
  bool preempted_ = false;                // in this pass
  uint64_t arrivals_ = 0;
  uint64_t epoch_ = 0;
  SchedulerCounts counts_;
};

}  // namespace swift::infer
