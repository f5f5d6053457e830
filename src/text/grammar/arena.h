// Configurations of a running program, hash-consed.
//
// A stack is a state and the stack of states to return to; a configuration is the set of stacks that the text
// so far allows, and whether the text may end. Both are numbered, transitions between configurations are kept
// in a table, and so are masks: what is met again costs a table look-up. A mask is put together from frames:
// the tokens that stay within the rule of a state do not depend on what called the rule and are found once
// per state; only tokens that run past its end are walked again for each caller.
#pragma once
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "text/grammar/program.h"
#include "text/grammar/vocabulary.h"

namespace swift::text::grammar {

using ConfigurationId = uint32_t;
using StackId = uint32_t;  // 0: the empty stack

class Arena {
 public:
  static constexpr ConfigurationId dead = 0;

  // alike: state_classes.h. All are kept by reference.
  Arena(const Program& program, const Vocabulary& vocabulary, const std::vector<StateId>& alike);
  ConfigurationId start();
  ConfigurationId step(ConfigurationId from, uint8_t byte) {
    return step_class(from, program_.class_of[byte]);
  }
  bool may_end(ConfigurationId id) const { return configurations_[id].may_end; }
  // words: of the vocabulary.
  void mask(ConfigurationId id, std::span<uint64_t> words);
  bool full() const { return bytes_ > soft_limit; }
  // The same configuration here.
  ConfigurationId import(const Arena& other, ConfigurationId id);

 private:
  static constexpr size_t soft_limit = size_t{32} << 20;
  static constexpr size_t hard_limit = size_t{128} << 20;
  static constexpr uint32_t unknown = UINT32_MAX;
  static constexpr uint32_t deepest_stack = 1024;
  static constexpr size_t most_stacks =
      16384;  // of one configuration; what is left out only narrows the language

  struct Stack {
    StateId state;
    StackId below;
    uint32_t depth;
  };
  // A set of tokens: as words, or as a list when that is shorter.
  struct TokenSet {
    std::vector<uint64_t> words;
    std::vector<int32_t> tokens;
  };
  struct Configuration {
    std::vector<StackId> stacks;  // sorted; their top states take bytes
    bool may_end = false;
    std::optional<TokenSet> mask;
  };
  struct Frame {
    TokenSet inside;              // tokens that the rule takes whole
    std::vector<uint32_t> exits;  // trie nodes with children at which the rule may end
  };
  struct Builder;

  ConfigurationId step_class(ConfigurationId from, uint8_t byte_class) {
    const ConfigurationId known = next_[size_t{from} * program_.example.size() + byte_class];
    return known != unknown ? known : find_step(from, byte_class);
  }
  ConfigurationId find_step(ConfigurationId from, uint8_t byte_class);
  ConfigurationId intern(std::vector<StackId> stacks, bool may_end);
  std::optional<StackId> push(StateId state, StackId below);
  ConfigurationId popped_to(StackId stack);
  // The configuration that no token tells apart from this one; it has the mask of both.
  ConfigurationId representative(ConfigurationId id);
  // Adds to words the tokens below `node` that fit from the configuration in which `node` leaves us.
  void walk(uint32_t node, ConfigurationId from, std::span<uint64_t> words, std::vector<uint32_t>* exits);
  const Frame& frame(StateId state);
  TokenSet compressed(std::span<const uint64_t> words);
  static void add(const TokenSet& set, std::span<uint64_t> words);

  const Program& program_;
  const Vocabulary& vocabulary_;
  const std::vector<StateId>& alike_;
  std::vector<Stack> stacks_;
  std::unordered_map<uint64_t, StackId> stack_ids_;
  std::deque<Configuration> configurations_;
  std::unordered_multimap<size_t, ConfigurationId> configuration_ids_;  // by hash
  std::vector<ConfigurationId> next_;                                   // [configurations, byte classes]
  std::unordered_map<StateId, Frame> frames_;
  std::vector<ConfigurationId> path_;  // of walk(), by depth
  size_t bytes_ = 0;
};

}  // namespace swift::text::grammar
