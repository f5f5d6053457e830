// Prompt lookup: what followed the last time the sequence's last tokens occurred in it.
#pragma once
#include "infer/drafter.h"

namespace swift::infer {

struct NgramOptions {
  int64_t longest = 4;  // n-grams looked up, the longest first
  int64_t shortest = 2;
  int64_t window = 8192;  // tokens searched, from the end
};

class NgramDrafter : public Drafter {
 public:
  // Throws base::Error(usage) unless 1 <= shortest <= longest.
  explicit NgramDrafter(const NgramOptions& options = {});
  void propose(std::span<const DraftQuery> queries) override;
  void forget(uint64_t) override {}

 private:
  NgramOptions options_;
};

}  // namespace swift::infer
