#include "text/grammar/machine.h"

#include <algorithm>

#include "text/grammar/arena.h"
#include "text/grammar/state_classes.h"

namespace swift::text::grammar {

Machine::Machine(std::shared_ptr<const Program> program, std::shared_ptr<const Vocabulary> vocabulary)
    : program_(std::move(program)),
      vocabulary_(std::move(vocabulary)),
      alike_(alike_states(*program_, vocabulary_->longest())),
      arena_(std::make_shared<Arena>(*program_, *vocabulary_, alike_)) {}

Machine::~Machine() = default;

Machine::Position Machine::start() {
  const std::lock_guard lock(mutex_);
  return {arena_, arena_->start()};
}

void Machine::move_to_current(Position& position) {
  if (arena_->full()) arena_ = std::make_shared<Arena>(*program_, *vocabulary_, alike_);
  if (position.arena == arena_) return;
  position.configuration = arena_->import(*position.arena, position.configuration);
  position.arena = arena_;
}

bool Machine::advance(Position& position, std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  move_to_current(position);
  ConfigurationId at = position.configuration;
  for (const char c : bytes) {
    at = arena_->step(at, static_cast<uint8_t>(c));
    if (at == Arena::dead) return false;
  }
  position.configuration = at;
  return true;
}

bool Machine::may_end(const Position& position) {
  const std::lock_guard lock(mutex_);
  return position.arena->may_end(position.configuration);
}

void Machine::mask(Position& position, std::span<uint64_t> words) {
  const std::lock_guard lock(mutex_);
  move_to_current(position);
  const size_t known = vocabulary_->words();
  if (words.size() >= known) {
    arena_->mask(position.configuration, words.first(known));
    std::fill(words.begin() + static_cast<std::ptrdiff_t>(known), words.end(), 0);
    return;
  }
  std::vector<uint64_t> whole(known);
  arena_->mask(position.configuration, whole);
  std::copy_n(whole.begin(), words.size(), words.begin());
}

}  // namespace swift::text::grammar
