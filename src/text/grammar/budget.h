// What compiling a grammar may cost: grammars come from requests and are untrusted.
#pragma once
#include <cstddef>
#include <cstdint>

namespace swift::text {

struct CompileLimits {
  size_t states = 500'000;  // states built on the way, of automata with and without choice together
  int depth = 128;          // nesting of the schema, the pattern or the grammar's text
  int milliseconds = 2000;  // of this thread's processor time
};

}  // namespace swift::text

namespace swift::text::grammar {

// Counts what one compilation has used. Every method throws base::Error(usage) when a limit is passed.
class Budget {
 public:
  explicit Budget(const CompileLimits& limits);
  void add_states(size_t count = 1);
  // Members of the state sets of a subset construction: they are what takes the memory there.
  void add_members(size_t count);
  void check_depth(int depth) const;
  int depth() const { return limits_.depth; }

 private:
  void check_time();
  CompileLimits limits_;
  int64_t deadline_;  // nanoseconds on the thread's clock
  size_t states_ = 0;
  size_t members_ = 0;
  size_t until_clock_ = 0;
};

}  // namespace swift::text::grammar
