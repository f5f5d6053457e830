// What one rendering shares: variables, the clock, and the limits that untrusted templates meet.
#pragma once
#include <cstdint>
#include <ctime>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

#include "text/jinja/value.h"

namespace swift::text::jinja {

// An error while rendering; the template adds its name and line.
struct Fault : std::runtime_error {
  using std::runtime_error::runtime_error;
};

constexpr size_t kMaxText = size_t{64} << 20;   // bytes of the output and of any one string
constexpr size_t kMaxMemory = size_t{1} << 30;  // bytes of everything one rendering creates
constexpr uint64_t kMaxSteps = 50'000'000;      // evaluated nodes, loop turns, compared items
constexpr int kMaxValueDepth = 300;             // lists in lists in lists …
constexpr int kMaxCallDepth = 1000;             // nested statements and expressions; 400 KiB of stack
constexpr int64_t kMaxRange = 100'000;          // as jinja2's sandbox

using Clock = std::function<std::tm()>;  // local time now

class Runtime {
 public:
  explicit Runtime(const Clock& now) : clock(now) {}
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;
  ~Runtime();

  void step(uint64_t count = 1) {
    if ((steps_ += count) > kMaxSteps)
      throw Fault("the template takes too many steps (more than 50 million)");
  }
  // Call before creating `bytes` of data.
  void allocate(size_t bytes);
  // allocate(), and the bound of a single string.
  void allocate_text(size_t bytes);
  // Objects that may take part in reference cycles; released when rendering ends.
  void keep(std::shared_ptr<Object> object) { kept_.push_back(std::move(object)); }

  const Clock& clock;
  std::unordered_map<std::string, Value> variables;
  int line = 0;   // of the template, where evaluation is
  int depth = 0;  // nesting of evaluation

 private:
  uint64_t steps_ = 0;
  size_t memory_ = 0;
  std::vector<std::shared_ptr<Object>> kept_;
};

// Bounds the recursion of the evaluator.
class DepthGuard {
 public:
  explicit DepthGuard(Runtime& rt) : rt_(rt) {
    if (rt_.depth >= kMaxCallDepth) throw Fault("maximum recursion depth exceeded");
    ++rt_.depth;
  }
  ~DepthGuard() { --rt_.depth; }
  DepthGuard(const DepthGuard&) = delete;
  DepthGuard& operator=(const DepthGuard&) = delete;

 private:
  Runtime& rt_;
};

}  // namespace swift::text::jinja
