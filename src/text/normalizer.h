// The "normalizer" of tokenizer.json: rewrites text before it is cut into words.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer_file.h"
#include "text/tokenizer_regex.h"

namespace swift::text {

enum class UnicodeForm { nfc, nfd, nfkc, nfkd };

// The text in that form. Characters newer than Unicode 10 stay as they are, as in the reference.
std::string normalize_unicode(std::string_view text, UnicodeForm form);

// True when the text is certainly in that form already (a quick scan, no allocation).
bool surely_normalized(std::string_view text, UnicodeForm form);

class Normalizer {
 public:
  Normalizer() = default;  // changes nothing
  // Throws Error(model) naming an unsupported kind and what is supported.
  static Normalizer from_node(const Node& node);

  bool empty() const { return steps_.empty(); }
  // Rewrites valid UTF-8. Returns `text` itself when nothing changes, else a view of `storage`.
  std::string_view apply(std::string_view text, std::string& storage, RegexScratch& scratch) const;

 private:
  enum class Kind { unicode, replace, prepend, lowercase, strip, byte_level };
  struct Step {
    Kind kind;
    UnicodeForm form = UnicodeForm::nfc;
    Regex pattern;
    std::string content;
    bool left = false;
    bool right = false;
  };
  void add(const Node& node);
  static bool run(const Step& step, std::string_view text, std::string& out, RegexScratch& scratch);

  std::vector<Step> steps_;
};

}  // namespace swift::text
