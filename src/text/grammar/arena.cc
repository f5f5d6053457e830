#include "text/grammar/arena.h"

#include <algorithm>
#include <bit>
#include <unordered_set>

namespace swift::text::grammar {

namespace {

size_t hash_of(const std::vector<StackId>& stacks, bool may_end) {
  uint64_t hash = may_end ? 0x9E3779B97F4A7C15 : 0x2545F4914F6CDD1D;
  for (const StackId s : stacks) hash = (hash ^ s) * 0xFF51AFD7ED558CCD ^ (hash >> 29);
  return hash;
}

}  // namespace

// Gathers the stacks of a configuration: follows calls downwards and ends of rules upwards.
struct Arena::Builder {
  Arena& arena;
  std::vector<StackId> stacks;
  std::vector<std::pair<StateId, StackId>> open;
  std::vector<std::pair<StateId, StackId>> first_seen;  // searched in order while there are few
  std::unordered_set<uint64_t> seen;
  bool may_end = false;

  void add(StateId state, StackId below) {
    const std::pair item{state, below};
    if (std::find(first_seen.begin(), first_seen.end(), item) != first_seen.end()) return;
    if (first_seen.size() < 16)
      first_seen.push_back(item);
    else if (seen.size() >= most_stacks || !seen.insert((uint64_t{state} << 32) | below).second)
      return;
    open.push_back(item);
  }

  ConfigurationId finish() {
    const Program& program = arena.program_;
    while (!open.empty()) {
      const auto [state_id, below] = open.back();
      open.pop_back();
      const Program::State& state = program.states[state_id];
      if (!state.bytes.empty()) {
        if (const auto stack = arena.push(state_id, below)) stacks.push_back(*stack);
      }
      for (const Program::Call& call : state.calls) {
        if (program.states[call.to].ends) {
          add(call.callee, below);  // nothing to return to
        } else if (const auto stack = arena.push(call.to, below)) {
          add(call.callee, *stack);
        }
      }
      if (!state.final) continue;
      if (below == 0)
        may_end = true;
      else
        add(arena.stacks_[below].state, arena.stacks_[below].below);
    }
    std::sort(stacks.begin(), stacks.end());
    return arena.intern(std::move(stacks), may_end);
  }
};

Arena::Arena(const Program& program, const Vocabulary& vocabulary, const std::vector<StateId>& alike)
    : program_(program), vocabulary_(vocabulary), alike_(alike), path_(vocabulary.longest() + 1, dead) {
  stacks_.push_back({0, 0, 0});
  intern({}, false);
  std::fill(next_.begin(), next_.end(), dead);
}

ConfigurationId Arena::start() {
  Builder builder{*this};
  builder.add(program_.start, 0);
  return builder.finish();
}

std::optional<StackId> Arena::push(StateId state, StackId below) {
  const uint32_t depth = stacks_[below].depth + 1;
  if (depth > deepest_stack) return std::nullopt;
  const auto [found, added] =
      stack_ids_.try_emplace((uint64_t{below} << 32) | state, static_cast<StackId>(stacks_.size()));
  if (added) {
    stacks_.push_back({state, below, depth});
    bytes_ += 64;
  }
  return found->second;
}

ConfigurationId Arena::intern(std::vector<StackId> stacks, bool may_end) {
  const size_t hash = hash_of(stacks, may_end);
  const auto [begin, end] = configuration_ids_.equal_range(hash);
  for (auto it = begin; it != end; ++it) {
    const Configuration& known = configurations_[it->second];
    if (known.may_end == may_end && known.stacks == stacks) return it->second;
  }
  if (bytes_ > hard_limit) return dead;
  const auto id = static_cast<ConfigurationId>(configurations_.size());
  bytes_ += 128 + 4 * (stacks.size() + program_.example.size());
  configurations_.push_back({std::move(stacks), may_end, std::nullopt});
  configuration_ids_.emplace(hash, id);
  next_.resize(next_.size() + program_.example.size(), unknown);
  return id;
}

ConfigurationId Arena::find_step(ConfigurationId from, uint8_t byte_class) {
  const uint8_t byte = program_.example[byte_class];
  Builder builder{*this};
  for (const StackId id : configurations_[from].stacks) {
    const Stack stack = stacks_[id];
    for (const ByteEdge& edge : program_.states[stack.state].bytes) {
      if (edge.first <= byte && byte <= edge.last) builder.add(edge.to, stack.below);
    }
  }
  const ConfigurationId to = builder.open.empty() ? dead : builder.finish();
  next_[size_t{from} * program_.example.size() + byte_class] = to;
  return to;
}

ConfigurationId Arena::popped_to(StackId stack) {
  Builder builder{*this};
  builder.add(stacks_[stack].state, stacks_[stack].below);
  return builder.finish();
}

ConfigurationId Arena::representative(ConfigurationId id) {
  std::vector<StackId> stacks;
  for (StackId stack : configurations_[id].stacks) {
    std::vector<StateId> states;
    for (; stack != 0; stack = stacks_[stack].below) states.push_back(alike_[stacks_[stack].state]);
    StackId mapped = 0;
    for (auto state = states.rbegin(); state != states.rend(); ++state) mapped = *push(*state, mapped);
    stacks.push_back(mapped);
  }
  std::sort(stacks.begin(), stacks.end());
  stacks.erase(std::unique(stacks.begin(), stacks.end()), stacks.end());
  return intern(std::move(stacks), configurations_[id].may_end);
}

ConfigurationId Arena::import(const Arena& other, ConfigurationId id) {
  const Configuration& source = other.configurations_[id];
  std::vector<StackId> stacks;
  for (StackId stack : source.stacks) {
    std::vector<StateId> states;
    for (; stack != 0; stack = other.stacks_[stack].below) states.push_back(other.stacks_[stack].state);
    StackId here = 0;
    for (auto state = states.rbegin(); state != states.rend(); ++state) here = *push(*state, here);
    stacks.push_back(here);
  }
  std::sort(stacks.begin(), stacks.end());
  return intern(std::move(stacks), source.may_end);
}

void Arena::walk(uint32_t node, ConfigurationId from, std::span<uint64_t> words,
                 std::vector<uint32_t>* exits) {
  const std::vector<int32_t>& tokens = vocabulary_.sorted_tokens();
  const uint32_t last = vocabulary_.node(node).after;
  path_[vocabulary_.node(node).depth] = from;
  for (uint32_t i = node + 1; i < last;) {
    const Vocabulary::Node& at = vocabulary_.node(i);
    const ConfigurationId here = step(path_[at.depth - 1], at.byte);
    if (here == dead) {
      i = at.after;
      continue;
    }
    path_[at.depth] = here;
    const uint32_t next_token = vocabulary_.node(i + 1).first_token;
    for (uint32_t t = at.first_token; t < next_token; ++t) {
      const auto token = static_cast<uint32_t>(tokens[t]);
      words[token / 64] |= uint64_t{1} << (token % 64);
    }
    ++i;
    if (exits != nullptr && i < at.after && may_end(here)) exits->push_back(i - 1);
  }
}

const Arena::Frame& Arena::frame(StateId state) {
  const auto found = frames_.find(state);
  if (found != frames_.end()) return found->second;
  Frame result;
  std::vector<uint64_t> words(vocabulary_.words(), 0);
  walk(0, intern({*push(state, 0)}, false), words, &result.exits);
  result.inside = compressed(words);
  bytes_ += 4 * result.exits.size();
  return frames_.emplace(state, std::move(result)).first->second;
}

void Arena::mask(ConfigurationId id, std::span<uint64_t> words) {
  std::fill(words.begin(), words.end(), 0);
  if (const ConfigurationId same = representative(id); same != dead) id = same;
  if (configurations_[id].mask) {
    add(*configurations_[id].mask, words);
    return;
  }
  for (const StackId stack : configurations_[id].stacks) {
    const auto [state, below, depth] = stacks_[stack];
    const Frame& known = frame(state);
    add(known.inside, words);
    if (below == 0) continue;
    const ConfigurationId after = popped_to(below);
    for (const uint32_t node : known.exits) walk(node, after, words, nullptr);
  }
  configurations_[id].mask = compressed(words);
}

Arena::TokenSet Arena::compressed(std::span<const uint64_t> words) {
  size_t count = 0;
  for (const uint64_t word : words) count += static_cast<size_t>(std::popcount(word));
  TokenSet set;
  if (count * sizeof(int32_t) >= words.size_bytes()) {
    set.words.assign(words.begin(), words.end());
    bytes_ += words.size_bytes();
    return set;
  }
  set.tokens.reserve(count);
  for (size_t i = 0; i < words.size(); ++i) {
    for (uint64_t left = words[i]; left != 0; left &= left - 1)
      set.tokens.push_back(static_cast<int32_t>(i * 64 + static_cast<size_t>(std::countr_zero(left))));
  }
  bytes_ += count * sizeof(int32_t);
  return set;
}

void Arena::add(const TokenSet& set, std::span<uint64_t> words) {
  for (size_t i = 0; i < set.words.size(); ++i) words[i] |= set.words[i];
  for (const int32_t token : set.tokens)
    words[static_cast<size_t>(token) / 64] |= uint64_t{1} << (token % 64);
}

}  // namespace swift::text::grammar
