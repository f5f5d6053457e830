#include <catch2/catch.hpp>

#include "base/error.h"
#include "base/rng.h"
#include "infer/server/assembler.h"

using namespace swift;
using namespace swift::infer::server;
using base::Json;

namespace {

struct Call {
  std::string name, arguments;
  bool operator==(const Call& other) const { return name == other.name && arguments == other.arguments; }
};

struct Result {
  std::string reasoning, content;
  std::vector<Call> calls;
  bool operator==(const Result& other) const {
    return reasoning == other.reasoning && content == other.content && calls == other.calls;
  }
};

void add(Result& result, const Delta& delta) {
  result.reasoning += delta.reasoning;
  result.content += delta.content;
  for (const ToolDelta& tool : delta.tools) {
    if (!tool.id.empty()) {
      CHECK(tool.index == static_cast<int>(result.calls.size()));
      result.calls.push_back({tool.name, ""});
    }
    REQUIRE(tool.index + 1 == static_cast<int>(result.calls.size()));
    result.calls.back().arguments += tool.arguments;
  }
}

Result read(const std::string& format, const std::string& text, size_t step, bool reasoning = false) {
  const Json tools = Json::parse(R"([{"type":"function","function":{"name":"f","parameters":
      {"type":"object","properties":{"s":{"type":"string"},"n":{"type":"integer"}}}}}])");
  const ToolFormat* found = tool_format(format, "");
  AssemblerOptions options{.reasoning = reasoning,
                           .tools = found == nullptr ? nullptr : found->make(tools),
                           .make_call_id = [] { return std::string("id"); }};
  Assembler assembler(std::move(options));
  Result result;
  for (size_t at = 0; at < text.size(); at += step)
    add(result, assembler.push(std::string_view(text).substr(at, step)));
  add(result, assembler.finish());
  return result;
}

// The same, however the text is cut.
Result read_all_ways(const std::string& format, const std::string& text, bool reasoning = false) {
  const Result whole = read(format, text, text.size() + 1, reasoning);
  for (const size_t step : {1, 2, 3, 7}) CHECK(read(format, text, step, reasoning) == whole);
  return whole;
}

const Call kCall = {"f", "{\"s\": \"a\", \"n\": 1}"};

}  // namespace

TEST_CASE("each form of tool calls is read, however it is cut") {
  struct Case {
    std::string format, text;
  };
  const std::string json = "{\"name\": \"f\", \"arguments\": {\"s\": \"a\", \"n\": 1}}";
  const std::string parameters = "{\"name\": \"f\", \"parameters\": {\"s\": \"a\", \"n\": 1}}";
  const std::string call = "<｜tool▁call▁begin｜>";
  const std::string rest = "<｜tool▁sep｜>";
  const std::string end = "<｜tool▁call▁end｜>";
  const std::string old = call + "function" + rest + "f\n```json\n{\"s\": \"a\", \"n\": 1}\n```" + end;
  const std::string v31 = call + "f" + rest + "{\"s\": \"a\", \"n\": 1}" + end;
  const std::string glm =
      "<tool_call>f\n<arg_key>s</arg_key>\n<arg_value>a</arg_value>\n<arg_key>n</arg_key>\n"
      "<arg_value>1</arg_value>\n</tool_call>";
  const std::vector<Case> cases = {
      {"hermes", "<tool_call>\n" + json + "\n</tool_call>\n<tool_call>\n" + json + "\n</tool_call>"},
      {"qwen25", "<tool_call>" + json + "</tool_call><tool_call>" + json},
      {"llama3", parameters + "; " + parameters},
      {"llama3_json", "<|python_tag|>" + parameters + ";" + parameters},
      {"mistral", "[TOOL_CALLS] [" + json + ", " + json + "]"},
      {"mistral", "[TOOL_CALLS]f[ARGS]{\"s\": \"a\", \"n\": 1}[TOOL_CALLS]f{\"s\": \"a\", \"n\": 1}"},
      {"deepseek", "<｜tool▁calls▁begin｜>" + old + "\n" + old + "<｜tool▁calls▁end｜>"},
      {"deepseek_v31", "<｜tool▁calls▁begin｜>" + v31 + v31 + "<｜tool▁calls▁end｜>"},
      {"glm", glm + "\n" + glm},
  };
  for (const Case& c : cases) {
    INFO(c.format << ": " << c.text);
    CHECK(read_all_ways(c.format, c.text) == Result{"", "", {kCall, kCall}});
  }
  CHECK(read_all_ways("pythonic", "[f(s='a', n=1), f(s=\"a\", n=1)]") ==
        Result{"", "", {{"f", "{\"s\":\"a\",\"n\":1}"}, {"f", "{\"s\":\"a\",\"n\":1}"}}});
}

TEST_CASE("text around calls stays content, and what only looks like a call too") {
  CHECK(read_all_ways("hermes", "I look.\n\n<tool_call>{\"name\":\"f\"}</tool_call>\n") ==
        Result{"", "I look.", {{"f", "{}"}}});
  CHECK(read_all_ways("hermes", "a < b <tool b").content == "a < b <tool b");
  CHECK(read_all_ways("hermes", "<tool_call>{not json}</tool_call>").content ==
        "<tool_call>{not json}</tool_call>");
  CHECK(read_all_ways("llama3", "{\"answer\": 42}").content == "{\"answer\": 42}");
  CHECK(read_all_ways("llama3", "plain text; {").content == "plain text; {");
  CHECK(read_all_ways("pythonic", "[1, 2] is a list").content == "[1, 2] is a list");
  CHECK(read_all_ways("pythonic", "[f(1)]").content == "[f(1)]");
  CHECK(read_all_ways("none", "<tool_call>{}</tool_call>  ").content == "<tool_call>{}</tool_call>  ");
  CHECK(read_all_ways("hermes", "ends in blanks \n").content == "ends in blanks \n");
}

TEST_CASE("arguments in odd forms become JSON objects") {
  const auto arguments = [](const std::string& call) {
    const Result result = read_all_ways("hermes", "<tool_call>" + call + "</tool_call>");
    REQUIRE(result.calls.size() == 1);
    return result.calls[0].arguments;
  };
  CHECK(arguments(R"({"arguments": {"a": [1, {"b": "}"}]}, "name": "f"})") == R"({"a": [1, {"b": "}"}]})");
  CHECK(arguments(R"({"name": "f", "arguments": "{\"a\": \"\u00e9\"}"})") == "{\"a\": \"\xC3\xA9\"}");
  CHECK(arguments(R"({"name": "f", "arguments": null})") == "{}");
  CHECK(arguments(R"({"name": "f"})") == "{}");
  CHECK(
      read_all_ways("pythonic", R"([a.b(x=[1, -2.5, 'q\'"'], y={'k': True, 'z': None}, w=(1,))])").calls[0] ==
      Call{"a.b", R"({"x":[1,-2.5,"q'\""],"y":{"k":true,"z":null},"w":[1]})"});
}

TEST_CASE("reasoning ends at its tag") {
  CHECK(read_all_ways("none", "<think>a < b</th</think>\n\nyes", true) == Result{"a < b</th", "yes", {}});
  CHECK(read_all_ways("none", "no <think>x</think>", true) == Result{"", "no <think>x</think>", {}});
  CHECK(read_all_ways("none", "\n<think>\n\n</think>\n\nyes", true) == Result{"", "yes", {}});
  CHECK(read_all_ways("none", "<think>unfinished ", true).reasoning == "unfinished ");
  CHECK(read_all_ways("hermes", "<think>t</think><tool_call>{\"name\":\"f\"}</tool_call>", true) ==
        Result{"t", "", {{"f", "{}"}}});
}

TEST_CASE("the form is found by name or in the template") {
  CHECK(tool_format("auto", "… <tool_call> …")->name == "hermes");
  CHECK(tool_format("auto", "… <tool_call> … <arg_key> …")->name == "glm");
  CHECK(tool_format("auto", "plain") == nullptr);
  CHECK(tool_format("none", "<tool_call>") == nullptr);
  CHECK_THROWS_AS(tool_format("klingon", ""), base::Error);
}

TEST_CASE("broken and unfinished calls stream as well-formed pieces, the same however the text is cut") {
  const std::string json = "{\"name\": \"f\", \"arguments\": {\"s\": \"a}]\", \"n\": [1, {\"k\": null}]}}";
  const std::string sep = "<｜tool▁sep｜>", begin = "<｜tool▁call▁begin｜>", end = "<｜tool▁call▁end｜>";
  const std::vector<std::pair<std::string, std::string>> forms = {
      {"hermes", "I see. <tool_call>\n" + json + "\n</tool_call>\n<tool_call>" + json + "</tool_call>"},
      {"llama3", "{\"name\": \"f\", \"parameters\": {\"s\": \"a\"}}; {\"name\": \"g\", \"parameters\": {}}"},
      {"mistral", "[TOOL_CALLS] [" + json + ", " + json + "]"},
      {"mistral", "[TOOL_CALLS]f[ARGS]{\"s\": \"a\"}[TOOL_CALLS]g[ARGS]{}"},
      {"deepseek", "<｜tool▁calls▁begin｜>" + begin + "function" + sep + "f\n```json\n{\"s\": 1}\n```" + end +
                       "<｜tool▁calls▁end｜>"},
      {"glm",
       "<tool_call>f\n<arg_key>s</arg_key>\n<arg_value>a</arg_value>\n<arg_key>n</arg_key>\n"
       "<arg_value>1</arg_value>\n</tool_call>"},
      {"pythonic", "[f(s='a', n=[1, {'k': None}]), g(x=-2.5)]"}};
  const std::string marks = "{}[]()<>\"'\\:,=/`x1 \n";
  const base::Stream stream(5, base::Purpose::sampling);
  uint64_t at = 0;
  const auto draw = [&](size_t below) { return static_cast<size_t>(stream.bits(at++) % below); };
  size_t good_calls = 0;
  for (int round = 0; round < 120; ++round) {
    for (const auto& [format, good] : forms) {
      std::string text = good;
      bool sound = true;  // as the model should write it
      for (size_t edits = draw(4); edits > 0; --edits, sound = false) {
        const size_t place = draw(text.size());
        const size_t kind = draw(3);
        if (kind == 0) text.erase(place, 1 + draw(3));
        if (kind == 1) text.insert(place, 1, marks[draw(marks.size())]);
        if (kind == 2) text[place] = marks[draw(marks.size())];
        if (text.empty()) text = "x";
      }
      if (draw(4) == 0) {  // the answer ended at its longest
        text.resize(draw(text.size()) + 1);
        sound = false;
      }
      INFO(format << ": " << text);
      const Result result = read(format, text, 1 + draw(9));
      CHECK(read(format, text, text.size()) == result);
      for (const Call& call : result.calls) {
        CHECK_FALSE(call.name.empty());
        const bool valid = Json::parse(call.arguments, nullptr, false).is_object();
        // Arguments that the model broke are given as they came: repaired ones might be acted upon.
        if (sound) CHECK(valid);
        good_calls += valid;
      }
    }
  }
  CHECK(good_calls > 300);
}
