#include "text/grammar/program.h"

#include <unordered_set>

#include "base/error.h"

namespace swift::text::grammar {

namespace {

// All rules in one numbering, calls still by rule.
struct Joined {
  std::vector<Automaton::State> states;
  std::vector<StateId> start;  // of each rule
};

Joined join(std::vector<Automaton> rules) {
  Joined joined;
  for (Automaton& rule : rules) {
    const auto offset = static_cast<StateId>(joined.states.size());
    joined.start.push_back(offset);
    for (Automaton::State& state : rule.states) {
      for (ByteEdge& edge : state.bytes) edge.to += offset;
      for (CallEdge& edge : state.calls) edge.to += offset;
      joined.states.push_back(std::move(state));
    }
  }
  return joined;
}

// States from which the end of their rule can be reached through rules that can end themselves. only_calls:
// without taking a byte.
std::vector<bool> ending_states(const Joined& joined, bool only_calls) {
  std::vector<std::vector<StateId>> watchers(joined.states.size());
  std::vector<bool> ends(joined.states.size(), false);
  std::vector<StateId> open;
  for (StateId s = 0; s < joined.states.size(); ++s) {
    if (!only_calls) {
      for (const ByteEdge& edge : joined.states[s].bytes) watchers[edge.to].push_back(s);
    }
    for (const CallEdge& edge : joined.states[s].calls) {
      watchers[edge.to].push_back(s);
      watchers[joined.start[edge.rule]].push_back(s);
    }
    if (joined.states[s].final) open.push_back(s);
  }
  for (const StateId s : open) ends[s] = true;
  const auto passes = [&](const Automaton::State& state) {
    if (!only_calls) {
      for (const ByteEdge& edge : state.bytes) {
        if (ends[edge.to]) return true;
      }
    }
    for (const CallEdge& edge : state.calls) {
      if (ends[edge.to] && ends[joined.start[edge.rule]]) return true;
    }
    return false;
  };
  while (!open.empty()) {
    const StateId reached = open.back();
    open.pop_back();
    for (const StateId s : watchers[reached]) {
      if (ends[s] || !passes(joined.states[s])) continue;
      ends[s] = true;
      open.push_back(s);
    }
  }
  return ends;
}

// Rules that `rule` can call before a byte has been taken.
std::vector<RuleId> first_calls(const Joined& joined, const std::vector<bool>& nullable, RuleId rule) {
  std::vector<RuleId> result;
  std::vector<StateId> open{joined.start[rule]};
  std::unordered_set<StateId> seen{joined.start[rule]};
  for (size_t i = 0; i < open.size(); ++i) {
    for (const CallEdge& edge : joined.states[open[i]].calls) {
      result.push_back(edge.rule);
      if (nullable[joined.start[edge.rule]] && seen.insert(edge.to).second) open.push_back(edge.to);
    }
  }
  return result;
}

void refuse_left_recursion(const Joined& joined, const std::vector<std::string>& names) {
  const std::vector<bool> nullable = ending_states(joined, true);
  enum class Mark : uint8_t { unseen, open, done };
  std::vector<Mark> marks(joined.start.size(), Mark::unseen);
  struct Visit {
    RuleId rule;
    std::vector<RuleId> calls;
    size_t next = 0;
  };
  for (RuleId root = 0; root < joined.start.size(); ++root) {
    if (marks[root] != Mark::unseen) continue;
    std::vector<Visit> path;
    const auto enter = [&](RuleId rule) {
      marks[rule] = Mark::open;
      path.push_back({rule, first_calls(joined, nullable, rule)});
    };
    enter(root);
    while (!path.empty()) {
      Visit& visit = path.back();
      if (visit.next == visit.calls.size()) {
        marks[visit.rule] = Mark::done;
        path.pop_back();
        continue;
      }
      const RuleId rule = visit.calls[visit.next++];
      if (marks[rule] == Mark::open)
        throw base::Error(base::ExitCode::usage,
                          "left recursion: rule '" + names[rule] + "' calls itself before it takes any text",
                          {}, "let the rule begin with what is not itself, or use repetition (*)");
      if (marks[rule] == Mark::unseen) enter(rule);
    }
  }
}

void set_classes(Program& program) {
  std::array<bool, 257> begins{};
  begins[0] = true;
  for (const Program::State& state : program.states) {
    for (const ByteEdge& edge : state.bytes) {
      begins[edge.first] = true;
      begins[edge.last + 1] = true;
    }
  }
  for (int b = 0; b < 256; ++b) {
    if (begins[b]) program.example.push_back(static_cast<uint8_t>(b));
    program.class_of[b] = static_cast<uint8_t>(program.example.size() - 1);
  }
}

}  // namespace

Program link(std::vector<Automaton> rules, const std::vector<std::string>& names) {
  Joined joined = join(std::move(rules));
  const std::vector<bool> live = ending_states(joined, false);
  if (!live[joined.start[0]])
    throw base::Error(base::ExitCode::usage, "the grammar allows nothing: no text fits it", {},
                      "look for constraints that exclude each other, or for rules that never end");
  for (Automaton::State& state : joined.states) {
    std::erase_if(state.bytes, [&](const ByteEdge& edge) { return !live[edge.to]; });
    std::erase_if(state.calls,
                  [&](const CallEdge& edge) { return !live[edge.to] || !live[joined.start[edge.rule]]; });
  }
  refuse_left_recursion(joined, names);
  Program program;
  program.start = joined.start[0];
  for (Automaton::State& state : joined.states) {
    Program::State out;
    out.final = state.final;
    out.ends = state.final && state.bytes.empty() && state.calls.empty();
    out.bytes = std::move(state.bytes);
    for (const CallEdge& edge : state.calls) out.calls.push_back({joined.start[edge.rule], edge.to});
    program.states.push_back(std::move(out));
  }
  set_classes(program);
  return program;
}

}  // namespace swift::text::grammar
