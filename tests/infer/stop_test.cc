#include "infer/stop.h"

#include <catch2/catch.hpp>

using swift::infer::StopMatcher;

namespace {

// The whole answer when the text comes in pieces of this many bytes.
std::string run(const std::vector<std::string>& stops, const std::string& text, size_t piece) {
  StopMatcher matcher(stops);
  std::string answer;
  for (size_t at = 0; at < text.size(); at += piece) answer += matcher.push(text.substr(at, piece));
  return answer + matcher.finish();
}

}  // namespace

TEST_CASE("a stop string across pieces is found and left out") {
  for (size_t piece = 1; piece < 20; ++piece) {
    CHECK(run({"END"}, "one END two END", piece) == "one ");
    CHECK(run({"\n\nUser:"}, "fine\n\nUse:\n\nUser: hi", piece) == "fine\n\nUse:");
    CHECK(run({"aab"}, "aaaab", piece) == "aa");
    CHECK(run({"xyz"}, "no stop xy", piece) == "no stop xy");
    CHECK(run({"終わり"}, "これで終わりです", piece) == "これで");
  }
}

TEST_CASE("the stop string that is complete first wins, however the text is cut") {
  for (size_t piece = 1; piece < 8; ++piece) {
    CHECK(run({"abcd", "bc"}, "xabcd", piece) == "xa");
    CHECK(run({"bc", "abc"}, "xabcd", piece) == "x");
  }
}

TEST_CASE("only what may become a stop string is held back") {
  StopMatcher matcher({"STOP", "TEA"});
  CHECK(matcher.push("go ST") == "go ");
  CHECK(matcher.push("E") == "S");
  CHECK(matcher.push("P!") == "TEP!");
  CHECK(matcher.push("STO").empty());
  CHECK(matcher.finish() == "STO");
  CHECK_FALSE(matcher.matched());
}

TEST_CASE("nothing follows a match") {
  StopMatcher matcher({"."});
  CHECK(matcher.push("a.b") == "a");
  CHECK(matcher.matched());
  CHECK(matcher.push("c").empty());
  CHECK(matcher.finish().empty());
}

TEST_CASE("without stop strings text passes through") {
  StopMatcher matcher({});
  CHECK(matcher.push("text") == "text");
  CHECK(matcher.finish().empty());
}
