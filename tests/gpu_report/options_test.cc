#include "options.h"

#include <catch2/catch.hpp>

#include "base/error.h"

using namespace swift::gpu_bench;
using Words = std::vector<std::string>;
namespace base = swift::base;

namespace {

const Words kFamilies = {"rope", "adamw", "gated"};

std::string fault(const Words& words) {
  try {
    parse_options(words, kFamilies);
  } catch (const base::Error& error) {
    CHECK(error.code() == base::ExitCode::usage);
    CHECK_FALSE(error.hint().empty());
    return error.message();
  }
  return "none";
}

}  // namespace

TEST_CASE("the command line of gpu_bench") {
  const Options plain = parse_options({}, kFamilies);
  CHECK(plain.out == "bench/results");
  CHECK(plain.only.empty());
  CHECK(plain.seconds < 480);
  const Options all =
      parse_options({"--out", "x", "--only", "gated,rope", "--seconds", "12.5", "--list"}, kFamilies);
  CHECK(all.out == "x");
  CHECK(all.only == Words{"gated", "rope"});
  CHECK(all.seconds == 12.5);
  CHECK(all.list);
  CHECK(parse_options({"-h"}, kFamilies).help);
  CHECK(help_text(kFamilies).find("rope, adamw, gated") != std::string::npos);
}

TEST_CASE("what gpu_bench does not understand") {
  CHECK(fault({"--fast"}) == "unknown option '--fast'");
  CHECK(fault({"--out"}) == "--out needs a value");
  CHECK(fault({"--only", "gated,"}) == "--only: there is no ''");
  CHECK(fault({"--only", "gate"}) == "--only: there is no 'gate'");
  for (const char* bad : {"0", "-1", "ten", "5s", "nan", "1e9"}) CHECK(fault({"--seconds", bad}) != "none");
}
