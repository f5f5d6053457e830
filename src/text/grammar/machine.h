// A program run over a vocabulary: configurations, their transitions and their token masks, found once and
// kept.
#pragma once
#include <memory>
#include <mutex>
#include <span>
#include <string_view>

#include "text/grammar/program.h"
#include "text/grammar/vocabulary.h"

namespace swift::text::grammar {

class Arena;

// One per grammar and vocabulary, shared by the matchers of both; safe to use from several threads at once.
class Machine {
 public:
  Machine(std::shared_ptr<const Program> program, std::shared_ptr<const Vocabulary> vocabulary);
  ~Machine();

  // Where an answer stands. The arena is kept alive by those who stand in it, so that a full one can be
  // replaced.
  struct Position {
    std::shared_ptr<Arena> arena;
    uint32_t configuration = 0;
  };
  Position start();
  // Takes the bytes; false, and the position is as before, when they do not fit.
  bool advance(Position& position, std::string_view bytes);
  bool may_end(const Position& position);
  void mask(Position& position, std::span<uint64_t> words);
  const Vocabulary& vocabulary() const { return *vocabulary_; }

 private:
  void move_to_current(Position& position);
  std::shared_ptr<const Program> program_;
  std::shared_ptr<const Vocabulary> vocabulary_;
  std::vector<StateId> alike_;
  std::mutex mutex_;
  std::shared_ptr<Arena> arena_;  // of new positions
};

}  // namespace swift::text::grammar
