// Stop strings in a stream of text: found across token boundaries, never shown.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace swift::infer {

// Feed it complete UTF-8 characters; the result does not depend on where the text was cut into pieces. The
// stop string that is complete first wins, the longest of those complete at the same byte.
class StopMatcher {
 public:
  explicit StopMatcher(std::vector<std::string> stops);

  // Text that can no longer be part of a stop string. After a match, the text before it and then nothing.
  std::string push(std::string_view text);
  // What was held back, when the answer ends without a match.
  std::string finish();
  bool matched() const { return matched_; }

 private:
  std::vector<std::string> stops_;
  std::string held_;  // the longest suffix of the text so far that begins a stop string
  bool matched_ = false;
};

}  // namespace swift::infer
