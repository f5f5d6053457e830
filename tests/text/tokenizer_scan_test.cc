#include <catch2/catch.hpp>

#include "base/rng.h"
#include "text/normalizer.h"
#include "text/pretokenizer_scan.h"
#include "text/unicode.h"

using namespace swift;
using namespace swift::text;

namespace {

std::vector<std::string> pieces(std::string_view text, const std::vector<Match>& ranges) {
  std::vector<std::string> out;
  for (const Match& range : ranges) out.emplace_back(text.substr(range.begin, range.end - range.begin));
  return out;
}

// Texts of the characters that the patterns tell apart.
std::string random_text(const base::Stream& stream, uint64_t& at) {
  static const std::vector<std::string> parts = {" ",
                                                 " ",
                                                 "  ",
                                                 "\n",
                                                 "\r\n",
                                                 "\t",
                                                 "\u00a0",
                                                 "\u3000",
                                                 "\u180e",
                                                 "\u0085",
                                                 "'",
                                                 "'s",
                                                 "'S",
                                                 "'re",
                                                 "'VE",
                                                 "'\u017f",
                                                 "a",
                                                 "Bc",
                                                 "\u00e9",
                                                 "\u4f60\u597d",
                                                 "\u0e01",
                                                 "\u0301",
                                                 "1",
                                                 "22",
                                                 "\u00bd",
                                                 "\u0663",
                                                 "!",
                                                 "?!",
                                                 "-",
                                                 "\U0001F600",
                                                 "\u200d",
                                                 "_",
                                                 std::string(1, '\0'),
                                                 "\ufffd"};
  std::string text;
  const uint64_t length = stream.bits(at++) % 24;
  for (uint64_t i = 0; i < length; ++i) text += parts[stream.bits(at++) % parts.size()];
  return text;
}

}  // namespace

TEST_CASE("word scanner: cuts as its regular expression does") {
  const base::Json none;
  const std::string file = "test";
  const Node where(none, "pattern", file);
  RegexScratch scratch;
  for (const std::string_view pattern : {kGpt2Pattern, kLlama3Pattern, kQwen2Pattern}) {
    const auto scanner = WordScanner::for_pattern(pattern);
    REQUIRE(scanner.has_value());
    const Regex regex = Regex::compile(std::string(pattern), false, where);
    const base::Stream stream(7, base::Purpose::sampling);
    uint64_t at = 0;
    for (int i = 0; i < 3000; ++i) {
      const std::string text = random_text(stream, at);
      std::vector<Match> scanned, matched;
      scanner->split(text, 0, text.size(), scanned);
      regex.find_all(text, scratch, matched);
      CAPTURE(pattern, text);
      CHECK(pieces(text, scanned) == pieces(text, matched));
    }
  }
  CHECK_FALSE(WordScanner::for_pattern("\\s+").has_value());
}

TEST_CASE("patterns: escapes mean in PCRE2 what they mean in Oniguruma") {
  const base::Json none;
  const std::string file = "test";
  const Node where(none, "pattern", file);
  RegexScratch scratch;
  const auto matched = [&](const std::string& pattern, const std::string& text) {
    std::vector<Match> found;
    Regex::compile(pattern, false, where).find_all(text, scratch, found);
    return pieces(text, found);
  };
  using Pieces = std::vector<std::string>;
  CHECK(matched("\\s+", "a\u180e\u00a0\u0085 b") == Pieces{"\u00a0\u0085 "});
  CHECK(matched("\\S+", "a\u180e\u00a0b") == Pieces{"a\u180e", "b"});
  CHECK(matched("[\\S]+", "a\u180e\u00a0b") == Pieces{"a\u180e", "b"});
  CHECK(matched("[^\\s]+", "a\u180e\u00a0b") == Pieces{"a\u180e", "b"});
  CHECK(matched("\\w+", "e\u0301_1 \u24b6!") == Pieces{"e\u0301_1", "\u24b6"});
  CHECK(matched("\\W+", "e\u0301!-a") == Pieces{"!-"});
  CHECK(matched("\\h+", "xffg09") == Pieces{"ff", "09"});
  CHECK(matched("^b$", "a\nb\nc") == Pieces{"b"});
  CHECK(matched("x*", "axxb") == Pieces{"", "xx", ""});
}

TEST_CASE("unicode normalization follows the reference, newer characters are left alone") {
  CHECK(normalize_unicode("e\u0301 A\u030a\u0323 \u1112\u1161\u11ab", UnicodeForm::nfc) ==
        "\u00e9 \u1ea0\u030a \ud55c");
  CHECK(normalize_unicode("\u1e69", UnicodeForm::nfd) == "s\u0323\u0307");
  CHECK(normalize_unicode("\ufb01 \u2460", UnicodeForm::nfkc) == "fi 1");
  CHECK(normalize_unicode("a\u0898\u0316", UnicodeForm::nfc) == "a\u0898\u0316");
  CHECK(surely_normalized("plain \u00e9 \u4f60\u597d", UnicodeForm::nfc));
  CHECK_FALSE(surely_normalized("e\u0301", UnicodeForm::nfc));
}

TEST_CASE("UTF-8: an unfinished character at the end is recognised") {
  CHECK(incomplete_suffix("abc") == 0);
  CHECK(incomplete_suffix("a\xC3") == 1);
  CHECK(incomplete_suffix("a\xE4\xBD") == 2);
  CHECK(incomplete_suffix("a\xF0\x9F\x98") == 3);
  CHECK(incomplete_suffix("a\xF0\x9F\x98\x80") == 0);
  CHECK(incomplete_suffix("a\xED\xA0") == 0);  // a surrogate can no longer become valid
  CHECK(incomplete_suffix("\x80\x80\x80") == 0);
}
