#include "worker.h"

#include <catch2/catch.hpp>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <vector>

#include "base/error.h"

using namespace swift::gpu_bench;
namespace base = swift::base;

namespace {

struct Heard {
  std::vector<std::string> lines;
  Ending ending;
};
Heard heard(const std::function<void(const Say&)>& work, double seconds = 60) {
  Heard h;
  h.ending = run_worker(
      work, [&](const std::string& line) { h.lines.push_back(line); }, seconds);
  return h;
}

}  // namespace

TEST_CASE("a worker's lines arrive in order and whole") {
  const std::string large(100000, 'x');
  const Heard h = heard([&](const Say& say) {
    say("one");
    say(large);
    say("three");
  });
  CHECK(h.ending.done);
  CHECK(h.ending.fault.empty());
  CHECK(h.lines == std::vector<std::string>{"one", large, "three"});
}

TEST_CASE("what a worker said before it failed is kept, and its fault told") {
  Heard h = heard([](const Say& say) {
    say("a row");
    throw base::Error(base::ExitCode::device, "an illegal address", {}, "a hint");
  });
  CHECK_FALSE(h.ending.done);
  CHECK(h.ending.fault == "an illegal address");
  CHECK(h.lines == std::vector<std::string>{"a row"});
  h = heard([](const Say&) { throw std::runtime_error("broken"); });
  CHECK(h.ending.fault == "broken");
  h = heard([](const Say& say) {
    say("a row");
    std::raise(SIGKILL);
  });
  CHECK_FALSE(h.ending.done);
  CHECK(h.ending.fault == "ended by signal 9");
  CHECK(h.lines.size() == 1);
  h = heard([](const Say&) { std::_Exit(3); });
  CHECK(h.ending.fault == "ended with 3");
}

TEST_CASE("a worker that hangs is ended") {
  const Heard h = heard(
      [](const Say& say) {
        say("a row");
        for (;;) std::raise(SIGSTOP);
      },
      0.2);
  CHECK_FALSE(h.ending.done);
  CHECK(h.ending.fault == "not done after 0.2 s");
  CHECK(h.lines.size() == 1);
}
