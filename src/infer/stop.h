// Stop strings in a stream of text: found across token boundaries, never shown unless asked for.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace swift::infer {

// Feed it complete UTF-8 characters; the result does not depend on where the text was cut into pieces. The
// stop string that is complete first wins, the longest of those complete at the same byte.
class StopMatcher {
 public:
  // include: the stop string is part of the text.
  explicit StopMatcher(std::vector<std::string> stops, bool include = false);

  // Text that can no longer be part of a stop string. After a match, the text before it and then nothing.
  std::string push(std::string_view text);
  // What was held back, when the answer ends without a match.
  std::string finish();
  // Takes text that cannot end the answer: what min_tokens asks for.
  std::string pass(std::string_view text);
  bool matched() const { return !match_.empty(); }
  const std::string& match() const { return match_; }

 private:
  std::vector<std::string> stops_;
  bool include_;
  std::string held_;  // the longest suffix of the text so far that begins a stop string
  std::string match_;
};

}  // namespace swift::infer
