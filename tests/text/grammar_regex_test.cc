#include <algorithm>
#include <catch2/catch.hpp>
#include <functional>

#include "grammar_fixture.h"

using namespace swift;
using namespace swift::text;
using golden::fits;

namespace {

std::string refusal(const std::function<void()>& compile) {
  try {
    compile();
  } catch (const base::Error& error) {
    CHECK(error.code() == base::ExitCode::usage);
    CHECK_FALSE(error.hint().empty());
    return error.message();
  }
  return "nothing was refused";
}

}  // namespace

TEST_CASE("a regex's grammar has the texts that Python's re matches whole") {
  const base::Json all =
      base::read_json(std::filesystem::path(SWIFT_SOURCE_DIR) / "tests/golden/schema_regex.json");
  for (const base::Json& entry : all["cases"]) {
    const auto grammar = compile_regex(entry["pattern"].get<std::string>());
    const auto matches = entry["matches"].get<std::vector<size_t>>();
    for (size_t i = 0; i < all["texts"].size(); ++i) {
      INFO(entry["pattern"] << " on " << all["texts"][i]);
      CHECK(fits(grammar, all["texts"][i].get<std::string>()) ==
            std::binary_search(matches.begin(), matches.end(), i));
    }
  }
}

TEST_CASE("white space is that of ECMA-262, beyond ASCII too") {
  for (const char* space : {" ", "\t", "\xC2\xA0", "\xE1\x9A\x80", "\xE2\x80\x8A", "\xE2\x80\xA8",
                            "\xE3\x80\x80", "\xEF\xBB\xBF"}) {
    CHECK(golden::fits(compile_regex("\\s"), space));
    CHECK_FALSE(golden::fits(compile_regex("\\S"), space));
    CHECK_FALSE(golden::fits(compile_regex("[^\\s]"), space));
  }
  CHECK(golden::fits(compile_regex("\\S"), "\xC3\xA9"));
}

TEST_CASE("what is not regular is refused by name and place") {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"a(?=b)", "invalid regex at character 2: lookahead"},
      {"(?<!a)b", "invalid regex at character 1: lookbehind"},
      {"(a)\\1", "invalid regex at character 4: backreferences"},
      {"\\bword", "invalid regex at character 1: word boundaries"},
      {"(?i)a", "invalid regex at character 1: inline flags"},
      {"a++", "invalid regex at character 3: possessive"},
      {"(?>a)", "atomic groups"},
      {"\\p{L}", "Unicode properties"},
      {"(a", "invalid regex at character 1: '(' is never closed"},
      {"a)", "invalid regex at character 2: ')' without '('"},
      {"[a", "invalid regex at character 1: '[' is never closed"},
      {"*a", "invalid regex at character 1: nothing to repeat"},
      {"a**", "a quantifier after a quantifier"},
      {"[z-a]", "the range ends before it begins"},
      {"a{3,2}", "wrong order"},
      {"é\\q", "invalid regex at character 2: unknown escape '\\q'"},
      {"a\\", "a backslash at the end"},
      {"a^b", "invalid regex at character 2: '^' is supported only at the beginning"},
      {"(a$)*", "'$' is supported only at the end"},
      {"\xff", "not valid UTF-8"},
      {"[^\\s\\S]", "allows nothing"},
  };
  for (const auto& [pattern, message] : cases) {
    INFO(pattern);
    CHECK_THAT(refusal([&, p = pattern] { compile_regex(p); }), Catch::Contains(message));
  }
}

TEST_CASE("patterns that would need too much are refused within the limits") {
  const std::vector<std::string> patterns = {
      "(a|b)*a(a|b){30}",       "((a{1,100}){1,100}){1,100}",      "(a?){1000000000}",
      "((){1000000}){1000000}", "(.*a){20}(.*b){20}.{1,60}c.{50}", std::string(100'000, '(')};
  for (const std::string& pattern : patterns) {
    INFO(pattern.substr(0, 40));
    CHECK_THAT(refusal([&] { compile_regex(pattern); }), Catch::Contains("the grammar is too large"));
  }
}

TEST_CASE("a choice is one of its texts") {
  const auto grammar = compile_choice({"yes", "no", "yes, but", "é"});
  for (const char* text : {"yes", "no", "yes, but", "é"}) CHECK(fits(grammar, text));
  for (const char* text : {"", "y", "yes,", "nope"}) CHECK_FALSE(fits(grammar, text));
  CHECK_THAT(refusal([] { compile_choice({}); }), Catch::Contains("empty"));
  CHECK_THAT(refusal([] { compile_choice({"\xff"}); }), Catch::Contains("UTF-8"));
}

TEST_CASE("a GBNF grammar is read as llama.cpp writes it") {
  const auto arithmetic = compile_grammar(R"~(
root  ::= expr "\n"?   # a sum
expr  ::= term ([-+*/] term)*
term  ::= number
        | "(" expr ")"
number ::= [0-9]+ ("." [0-9]{1,2})?
)~");
  CHECK(fits(arithmetic, "1+2*(3-4.25)"));
  CHECK(fits(arithmetic, "((((7))))\n"));
  CHECK_FALSE(fits(arithmetic, "1+"));
  CHECK_FALSE(fits(arithmetic, "(1"));
  CHECK_FALSE(fits(arithmetic, "1.234"));
  const auto escapes =
      compile_grammar("root ::= \"\\x41\\u00e9\\\"\" [^\\]\\n] . list\nlist ::= \"a\" list | \"\"");
  CHECK(fits(escapes, "Aé\"x\n"));
  CHECK(fits(escapes, "Aé\"é😀" + std::string(5000, 'a')));
  CHECK_FALSE(fits(escapes, "Aé\"]x"));
}

TEST_CASE("faults of a GBNF grammar are told with line and column") {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"root ::= a", "rule 'a' is used but not defined"},
      {"a ::= \"x\"", "rule 'root' is used but not defined"},
      {"root ::= \"x\"\nroot ::= \"y\"", "line 2, column 1: rule 'root' is defined twice"},
      {"root ::= \"x", "line 1, column 10: the text is never closed"},
      {"root ::= (\"x\"", "'(' is never closed"},
      {"root ::= [a", "'[' is never closed"},
      {"root ::= \"x\" )", "unexpected text"},
      {"root = \"x\"", "'::=' is expected"},
      {"root ::= \"\\q\"", "unknown escape"},
      {"root ::= root \"x\" | \"y\"", "left recursion: rule 'root'"},
      {"root ::= e root \"x\" | \"y\"\ne ::= \"\"", "left recursion: rule 'root'"},
      {"root ::= \"x\" root", "allows nothing"},
      {"root ::= [a-z]{1000000000}", "the grammar is too large"},
      {"root ::= " + std::string(100'000, '('), "the grammar is too large"},
  };
  for (const auto& [text, message] : cases) {
    INFO(text.substr(0, 60));
    CHECK_THAT(refusal([&, t = text] { compile_grammar(t); }), Catch::Contains(message));
  }
}
