// Built-in reward functions, and rewards from programs outside, with everything that can go wrong with them.
#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "train/rewards/external.h"
#include "train/rewards/maths.h"
#include "train/rewards/reward.h"
#include "train/rewards/schema_check.h"

using namespace swift;
using namespace swift::train::rewards;
using base::Json;
namespace fs = std::filesystem;

namespace {

struct Row {
  Json columns = Json::object();
  Scored scored;
  explicit Row(std::string completion, Json given = Json::object(), int64_t tokens = 10)
      : columns(std::move(given)) {
    scored.prompt = "question";
    scored.completion = std::move(completion);
    scored.messages = Json::array();
    scored.tokens = tokens;
    scored.columns = &columns;
    scored.where = {"rows.jsonl", 7, 0};
  }
};

double score(const std::string& spec, const Row& row, RewardSettings settings = {}) {
  return make_reward(spec, settings)->score({&row.scored, 1}).at(0);
}

double score_text(const std::string& completion, const std::string& solution) {
  return score("accuracy", Row(completion, {{"solution", solution}}));
}

RewardSettings quick() {
  RewardSettings settings;
  settings.timeout = 5;
  settings.max_retries = 0;
  settings.sleep = [](double) {};
  return settings;
}

std::vector<double> command(const std::string& program, const std::vector<Row>& rows,
                            RewardSettings settings) {
  std::vector<Scored> scored;
  for (const Row& row : rows) {
    scored.push_back(row.scored);
    scored.back().columns = &row.columns;
  }
  return make_reward("command:sh -c '" + program + "'", settings)->score(scored);
}

}  // namespace

TEST_CASE("accuracy compares the answer with the solution, as numbers where both are") {
  CHECK(score_text("<think>hm</think><answer>42</answer>", "42") == 1);
  CHECK(score_text("The answer is 42.", "42") == 1);
  CHECK(score_text("17 + 25 = 42", "42") == 1);
  CHECK(score_text("so we get \\boxed{\\frac{1}{2}}", "0.5") == 1);
  CHECK(score_text("\\boxed{2\\sqrt{2}}", "sqrt(8)") == 1);
  CHECK(score_text("It costs $1,234.50 in total", "1234.5") == 1);
  CHECK(score_text("50%", "1/2") == 1);
  CHECK(score_text("<answer>-3</answer>", "3") == 0);
  CHECK(score_text("so -3", "-3") == 1);
  CHECK(score_text("41 or 42? 41", "42") == 0);
  CHECK(score_text("x = 2*(3+4)^2", "98") == 1);
  CHECK(score_text("Paris", "paris.") == 1);
  CHECK(score_text("It is London", "Paris") == 0);
  CHECK(score_text("", "42") == 0);
  CHECK(score_text("steps\n#### 72", "#### 72") == 1);
}

TEST_CASE("values of expressions, and texts that have none") {
  const std::vector<std::pair<std::string, double>> known = {
      {"1,234", 1234},         {"-2^2", -4},    {"2^-1", 0.5}, {"3/4", 0.75}, {"1e3", 1000},
      {"2pi", 2 * M_PI},       {"3(4)", 12},    {"7 × 6", 42}, {"8 ÷ 2", 4},  {"5 − 3", 2},
      {"\\dfrac{3}{4}", 0.75}, {"sqrt(16)", 4}, {"y = 9", 9},  {"1.5.", 1.5}, {"25%", 0.25}};
  for (const auto& [text, value] : known) {
    CAPTURE(text);
    const auto got = value_of(text);
    REQUIRE(got.has_value());
    CHECK(*got == Approx(value));
  }
  for (const char* text : {"", "x", "3 apples", "1/0", "((1)", "1 2", "--", "sqrt(-1)", "12,34", "1+"}) {
    CAPTURE(text);
    CHECK_FALSE(value_of(text).has_value());
  }
  CHECK_FALSE(value_of(std::string(5000, '(')).has_value());
  CHECK_FALSE(value_of(std::string(4000, '-') + "1").has_value());
}

TEST_CASE("accuracy without a solution names the row") {
  CHECK_THROWS_WITH(score("accuracy", Row("42")),
                    Catch::Contains("rows.jsonl:7") && Catch::Contains("solution"));
}

TEST_CASE("format wants a thought and an answer and nothing else") {
  CHECK(score("format", Row("<think>a\nb</think>\n<answer>c</answer>")) == 1);
  CHECK(score("format", Row("<think>a</think>x</think><answer>c</answer>")) == 1);
  CHECK(score("format", Row("<think>a</think> but <answer>c</answer>")) == 0);
  CHECK(score("format", Row("<think>a</think><answer>c</answer> ")) == 0);
  CHECK(score("format", Row("<answer>c</answer>")) == 0);
  CHECK(score("format", Row("")) == 0);
}

TEST_CASE("repetition penalises repeated triples of words") {
  CHECK(score("repetition", Row("one two three four")) == 0);
  CHECK(score("repetition", Row("a b")) == 0);
  CHECK(score("repetition", Row("a a a a a")) == Approx(-2.0 / 3));
}

TEST_CASE("cosine prefers short right answers and long wrong ones") {
  const Json solution = {{"solution", "1"}};
  RewardSettings settings;
  settings.cosine_max_len = 100;
  CHECK(score("cosine", Row("1", solution, 0), settings) == Approx(1.0));
  CHECK(score("cosine", Row("1", solution, 100), settings) == Approx(0.5));
  CHECK(score("cosine", Row("1", solution, 50), settings) == Approx(0.75));
  CHECK(score("cosine", Row("2", solution, 0), settings) == Approx(-0.5));
  CHECK(score("cosine", Row("2", solution, 100), settings) == Approx(0.0));
}

TEST_CASE("soft_overlong and length follow the number of tokens") {
  RewardSettings settings;
  settings.soft_cache_length = 20;
  settings.max_completion_length = 100;
  CHECK(score("soft_overlong", Row("x", {}, 80), settings) == 0);
  CHECK(score("soft_overlong", Row("x", {}, 90), settings) == Approx(-0.5));
  CHECK(score("soft_overlong", Row("x", {}, 120), settings) == Approx(-2.0));
  CHECK(score("length", Row("x", {}, 25), settings) == Approx(0.75));
  CHECK(score("length:40", Row("x", {}, 30), settings) == Approx(0.75));
  CHECK_THROWS_WITH(make_reward("soft_overlong", {}), Catch::Contains("soft_cache_length"));
  CHECK_THROWS_WITH(make_reward("length:many", {}), Catch::Contains("length:many"));
}

TEST_CASE("regex searches with its argument or the row's column") {
  CHECK(score("regex:^\\d+$", Row("123")) == 1);
  CHECK(score("regex:^\\d+$", Row("12a")) == 0);
  CHECK(score("regex", Row("abc", {{"regex", "b."}})) == 1);
  CHECK_THROWS_WITH(make_reward("regex:(", {}), Catch::Contains("malformed"));
  CHECK_THROWS_WITH(score("regex", Row("abc")), Catch::Contains("rows.jsonl:7"));
}

TEST_CASE("json_schema accepts valid JSON in any order and refuses the rest") {
  const Json schema = {
      {"type", "object"},
      {"properties", {{"a", {{"type", "integer"}, {"minimum", 1}}}, {"b", {{"enum", {"x", "y"}}}}}},
      {"required", {"a"}},
      {"additionalProperties", false}};
  const Json columns = {{"json_schema", schema}};
  CHECK(score("json_schema", Row(R"({"b":"x", "a": 3})", columns)) == 1);
  CHECK(score("json_schema", Row("Here:\n```json\n{\"a\": 1}\n```", columns)) == 1);
  CHECK(score("json_schema", Row(R"({"a": 0})", columns)) == 0);
  CHECK(score("json_schema", Row(R"({"a": 1, "c": 2})", columns)) == 0);
  CHECK(score("json_schema", Row(R"({"b": "x"})", columns)) == 0);
  CHECK(score("json_schema", Row(R"({"a": 1)", columns)) == 0);
  CHECK(score("json_schema", Row("[]", {{"json_schema", R"({"type":"array","maxItems":0})"}})) == 1);
}

TEST_CASE("schemas with references, alternatives and lists") {
  const Json tree = Json::parse(R"({"$defs":{"n":{"type":"object","required":["v"],"properties":
    {"v":{"type":"number"},"next":{"anyOf":[{"type":"null"},{"$ref":"#/$defs/n"}]}}}},"$ref":"#/$defs/n"})");
  CHECK(is_valid(Json::parse(R"({"v":1,"next":{"v":2,"next":null}})"), tree));
  CHECK_FALSE(is_valid(Json::parse(R"({"v":1,"next":{"next":null}})"), tree));
  CHECK(is_valid(Json::parse("[1,\"a\"]"),
                 Json::parse(R"({"prefixItems":[{"type":"integer"}],"items":{"type":"string"}})")));
  CHECK_FALSE(is_valid(Json::parse("[1,1]"), Json::parse(R"({"uniqueItems":true})")));
  CHECK(is_valid(Json::parse("2.0"), Json::parse(R"({"type":"integer","multipleOf":2})")));
  CHECK_FALSE(is_valid(1, Json::parse(R"({"$ref":"#"})")));  // a reference to itself ends
  CHECK_THROWS_WITH(require_known_schema(Json::parse(R"({"dependentRequired":{}})")),
                    Catch::Contains("dependentRequired"));
  CHECK_THROWS_WITH(is_valid(1, Json::parse(R"({"$ref":"#/nowhere"})")), Catch::Contains("#/nowhere"));
}

TEST_CASE("an unknown reward is refused with the nearest name") {
  CHECK_THROWS_WITH(make_reward("acuracy", {}), Catch::Contains("did you mean 'accuracy'"));
}

TEST_CASE("a command scores rows as JSON lines, in order") {
  const std::vector<Row> rows = {Row("a", {{"solution", "1"}}, 3), Row("b", {}, 5)};
  CHECK(command("sed -e s/.*completion_tokens..// -e s/,.*//", rows, quick()) == std::vector<double>{3, 5});
  const auto scores = command("echo null; echo 2e-1", rows, quick());
  CHECK(std::isnan(scores[0]));
  CHECK(scores[1] == Approx(0.2));
}

TEST_CASE("rows sent outside carry prompt, completion, messages and the row's columns") {
  const Row row("done", {{"solution", "1"}, {"prompt", "hidden"}});
  const Json json = to_json(row.scored);
  CHECK(json["prompt"] == "question");
  CHECK(json["completion"] == "done");
  CHECK(json["messages"].is_array());
  CHECK(json["solution"] == "1");
}

TEST_CASE("commands that fail say how, and which row") {
  const std::vector<Row> rows = {Row("a"), Row("b")};
  CHECK_THROWS_WITH(command("echo 1", rows, quick()),
                    Catch::Contains("1 lines for 2 rows") && Catch::Contains("rows.jsonl:7"));
  CHECK_THROWS_WITH(command("echo 1; echo NaN", rows, quick()),
                    Catch::Contains("NaN") && Catch::Contains("rows.jsonl:7"));
  CHECK_THROWS_WITH(command("true", rows, quick()), Catch::Contains("0 lines for 2 rows"));
  CHECK_THROWS_WITH(command("echo broken >&2; exit 3", rows, quick()), Catch::Contains("status 3: broken"));
  CHECK_THROWS_WITH(command("kill -9 $$", rows, quick()), Catch::Contains("signal 9"));
  CHECK_THROWS_WITH(make_reward("command:/no/such/program", quick())->score({&rows[0].scored, 1}),
                    Catch::Contains("cannot start"));
  CHECK_THROWS_WITH(make_reward("command:", quick()), Catch::Contains("empty"));
}

TEST_CASE("a command that hangs is ended after the timeout, with what it started") {
  RewardSettings settings = quick();
  settings.timeout = 0.3;
  CHECK_THROWS_WITH(command("sleep 60 & sleep 60", {Row("a")}, settings),
                    Catch::Contains("did not answer in 0.3 seconds"));
}

TEST_CASE("a failing command is tried again") {
  const fs::path marker = fs::path(SWIFT_BINARY_DIR) / "reward-tried";
  fs::remove(marker);
  RewardSettings settings = quick();
  settings.max_retries = 2;
  std::vector<double> pauses;
  settings.sleep = [&](double seconds) { pauses.push_back(seconds); };
  const std::string program =
      "if [ -e " + marker.string() + " ]; then echo 1; else touch " + marker.string() + "; exit 1; fi";
  CHECK(command(program, {Row("a")}, settings) == std::vector<double>{1});
  CHECK(pauses == std::vector<double>{0.5});
  fs::remove(marker);
  CHECK_THROWS_WITH(command("exit 1", {Row("a")}, settings), Catch::Contains("failed 3 times"));
}

TEST_CASE("a command that reads nothing and one that answers much both work") {
  std::vector<Row> rows;
  for (int i = 0; i < 2000; ++i) rows.emplace_back(std::string(1000, 'x'));
  CHECK(command("yes 1 | head -2000", rows, quick()).size() == 2000);
}

TEST_CASE("an address that nobody answers at is an error that names it") {
  const Row row("a");
  CHECK_THROWS_WITH(make_reward("http://127.0.0.1:9/score", quick())->score({&row.scored, 1}),
                    Catch::Contains("127.0.0.1:9"));
  CHECK_THROWS_WITH(make_reward("http://", quick()), Catch::Contains("no address"));
}
