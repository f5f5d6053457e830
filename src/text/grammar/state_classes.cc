#include "text/grammar/state_classes.h"

#include <map>
#include <numeric>

namespace swift::text::grammar {

namespace {

constexpr size_t most_work = 1'000'000;  // signatures: a fraction of a second

// Whether a rule that is called may take no byte. Steps would then not count bytes.
bool calls_may_be_empty(const Program& program) {
  std::vector<bool> empty(program.states.size(), false);
  for (bool changed = true; changed;) {
    changed = false;
    for (StateId s = 0; s < program.states.size(); ++s) {
      if (empty[s]) continue;
      bool now = program.states[s].final;
      for (const Program::Call& call : program.states[s].calls)
        now = now || (empty[call.callee] && empty[call.to]);
      if (!now) continue;
      empty[s] = changed = true;
    }
  }
  for (const Program::State& state : program.states) {
    for (const Program::Call& call : state.calls) {
      if (empty[call.callee]) return true;
    }
  }
  return false;
}

}  // namespace

// Moore's refinement: after n rounds two states share a class when they agree on every text of n steps.
std::vector<StateId> alike_states(const Program& program, size_t bytes) {
  const size_t count = program.states.size();
  std::vector<StateId> classes(count);
  std::iota(classes.begin(), classes.end(), StateId{0});
  const std::vector<StateId> themselves = classes;
  if (count > most_work || calls_may_be_empty(program)) return themselves;
  for (StateId s = 0; s < count; ++s) classes[s] = program.states[s].final ? 1 : 0;
  size_t classes_before = 0;
  size_t work = 0;
  for (size_t round = 0; round <= bytes; ++round) {
    work += count;
    if (work > most_work) return themselves;
    std::map<std::vector<StateId>, StateId> known;
    std::vector<StateId> next(count);
    std::vector<StateId> signature;
    for (StateId s = 0; s < count; ++s) {
      signature.assign({classes[s]});
      for (const ByteEdge& edge : program.states[s].bytes)
        signature.insert(signature.end(), {StateId{edge.first} << 8 | edge.last, classes[edge.to]});
      signature.push_back(UINT32_MAX);
      for (const Program::Call& call : program.states[s].calls)
        signature.insert(signature.end(), {call.callee, classes[call.to]});
      next[s] = known.try_emplace(signature, static_cast<StateId>(known.size())).first->second;
    }
    classes = std::move(next);
    if (known.size() == classes_before) break;
    classes_before = known.size();
  }
  std::vector<StateId> first(count, UINT32_MAX);
  for (StateId s = 0; s < count; ++s) {
    if (first[classes[s]] == UINT32_MAX) first[classes[s]] = s;
    classes[s] = first[classes[s]];
  }
  return classes;
}

}  // namespace swift::text::grammar
