#include "text/grammar/budget.h"

#include <fmt/format.h>
#include <time.h>

#include "base/error.h"

namespace swift::text::grammar {

namespace {

constexpr size_t clock_interval = 4096;
constexpr size_t members_per_state = 32;

// Time that others take of a busy machine does not count.
int64_t thread_nanoseconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

[[noreturn]] void refuse(const std::string& what) {
  throw base::Error(base::ExitCode::usage, "the grammar is too large: " + what, {},
                    "use smaller repetition counts, fewer alternatives or less nesting");
}

}  // namespace

Budget::Budget(const CompileLimits& limits)
    : limits_(limits), deadline_(thread_nanoseconds() + int64_t{limits.milliseconds} * 1'000'000) {}

void Budget::add_states(size_t count) {
  states_ += count;
  if (states_ > limits_.states) refuse(fmt::format("it needs more than {} states", limits_.states));
  add_members(count);
}

void Budget::add_members(size_t count) {
  members_ += count;
  if (members_ / members_per_state > limits_.states)
    refuse(fmt::format("its automaton needs more than {} states", limits_.states));
  until_clock_ += count;
  if (until_clock_ >= clock_interval) check_time();
}

void Budget::check_depth(int depth) const {
  if (depth > limits_.depth) refuse(fmt::format("it is nested deeper than {} levels", limits_.depth));
}

void Budget::check_time() {
  until_clock_ = 0;
  if (thread_nanoseconds() > deadline_)
    refuse(fmt::format("compiling it takes longer than {} ms", limits_.milliseconds));
}

}  // namespace swift::text::grammar
