#include "data/schema.h"

#include <catch2/catch.hpp>

using namespace swift::data;
using swift::base::Error;
using swift::base::ExitCode;
using swift::base::Json;

namespace {

Row row(const std::string& json, const SchemaOptions& options = {}) {
  return to_row({Json::parse(json), {"d.jsonl", 7}}, options);
}

// "role: content" of every message.
std::vector<std::string> lines(const Row& made) {
  std::vector<std::string> out;
  for (const Json& message : made.messages) {
    out.push_back(message["role"].get<std::string>() + ": " + message["content"].get<std::string>());
  }
  return out;
}
using Lines = std::vector<std::string>;

std::string error_of(const std::string& json) {
  try {
    row(json);
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::data);
    CHECK(error.where().str() == "d.jsonl:7");
    return error.message();
  }
  return "no error";
}

}  // namespace

TEST_CASE("every schema becomes messages") {
  const Lines chat = {"system: S", "user: Q", "assistant: A"};
  for (
      const char* json : {
          R"({"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]})",
          R"({"system": "S", "query": "Q", "response": "A"})",
          R"({"System_Prompt": "S", "Question": "Q", "Answer": "A", "id": 3})",
          R"({"system": "S", "instruction": "Q", "input": "", "output": "A"})",
          R"({"system": "S", "instruction": "Q", "output": "A"})",
          R"({"system": "S", "prompt": "Q", "completion": ["A", "other"]})",
          R"({"prompt": [{"role": "system", "content": "S"}, {"role": "user", "content": "Q"}], "completion": [{"role": "assistant", "content": "A"}]})",
          R"({"system": "S", "conversations": [{"from": "human", "value": "Q"}, {"from": "gpt", "value": "A"}]})",
          R"({"system": "S", "conversation": [{"human": "Q", "assistant": "A"}]})",
          R"({"conversation": [{"system": "S", "human": "Q", "assistant": "A"}]})",
          R"({"messages": "[{\"role\": \"system\", \"content\": \"S\"}, {\"role\": \"user\", \"content\": \"Q\"}, {\"role\": \"assistant\", \"content\": \"A\"}]"})",
          R"({"system": "S", "messages": [{"role": "user", "content": [{"type": "text", "text": "Q"}]}, {"role": "bot", "content": "A", "tool_calls": null}]})",
      }) {
    INFO(json);
    CHECK(lines(row(json)) == chat);
  }
  CHECK(lines(row(R"({"instruction": "I", "input": "X", "output": "A"})")) ==
        Lines{"user: I\nX", "assistant: A"});
}

TEST_CASE("history comes before the query, as a list or as its text") {
  const Lines expected = {"user: a", "assistant: b", "user: Q", "assistant: A"};
  CHECK(lines(row(R"({"query": "Q", "response": "A", "history": [["a", "b"]]})")) == expected);
  CHECK(lines(row(R"({"query": "Q", "response": "A", "history": "[['a', 'b']]"})")) == expected);
  CHECK(lines(row(R"({"query": "Q", "response": "A", "history": ""})")) == Lines{"user: Q", "assistant: A"});
}

TEST_CASE("columns are renamed by the user, and two columns for one name are left alone") {
  SchemaOptions options;
  options.columns = {{"frage", "query"}, {"antwort", "response"}};
  CHECK(lines(row(R"({"frage": "Q", "antwort": "A"})", options)) == Lines{"user: Q", "assistant: A"});
  CHECK(lines(row(R"({"query": "Q", "response": "A", "text": "T"})")) == Lines{"user: Q", "assistant: A"});
  CHECK(lines(row(R"({"query": "Q", "answer": "A", "text": "T"})")) == Lines{"user: Q"});
}

TEST_CASE("loss flags, reasoning and tools survive, other keys do not") {
  const Row made = row(
      R"({"tools": "[{\"type\": \"function\"}]", "messages": [{"role": "user", "content": "Q", "extra": 1},
          {"role": "assistant", "content": "A", "loss": false, "reasoning_content": "R"}]})");
  CHECK(made.messages[0] == Json({{"role", "user"}, {"content", "Q"}}));
  CHECK(made.messages[1]["loss"] == false);
  CHECK(made.messages[1]["reasoning_content"] == "R");
  CHECK(made.tools == Json::parse(R"([{"type": "function"}])"));
  CHECK(row(R"({"query": "Q", "tools": ""})").tools.is_null());
}

TEST_CASE("tool calls of either spelling become OpenAI's, with arguments as an object") {
  const Row roles = row(
      R"({"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "let me see"},
          {"role": "tool_call", "content": "{\"name\": \"f\", \"arguments\": {\"x\": 1}}"},
          {"role": "tool_call", "content": "{\"name\": \"g\", \"arguments\": \"{\\\"y\\\": 2}\"}"},
          {"role": "tool_response", "content": {"r": 1}}, {"role": "assistant", "content": "A"}]})");
  REQUIRE(roles.messages.size() == 4);
  CHECK(roles.messages[1]["tool_calls"] ==
        Json::parse(R"([{"type": "function", "function": {"name": "f", "arguments": {"x": 1}}},
                        {"type": "function", "function": {"name": "g", "arguments": {"y": 2}}}])"));
  CHECK(roles.messages[2] == Json({{"role", "tool"}, {"content", "{\"r\":1}"}}));
  const Row openai = row(
      R"({"messages": [{"role": "assistant", "content": null,
          "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{\"x\": 1}"}}]}]})");
  CHECK(openai.messages[0]["content"] == "");
  CHECK(openai.messages[0]["tool_calls"][0]["function"]["arguments"] == Json({{"x", 1}}));
}

TEST_CASE("pt takes text, a response, or a lone assistant message as plain text") {
  SchemaOptions options;
  options.pretrain = true;
  for (const char* json : {R"({"text": "T"})", R"({"response": "T"})", R"({"content": "T", "url": "u"})",
                           R"({"messages": [{"role": "assistant", "content": "T"}]})"}) {
    const Row made = row(json, options);
    CHECK(made.text == "T");
    CHECK(made.messages.empty());
  }
  CHECK(row(R"({"query": "Q", "response": "A"})", options).messages.size() == 2);
  CHECK(row(R"({"text": "T"})").messages.size() == 1);
}

TEST_CASE("original columns are kept on request") {
  SchemaOptions options;
  options.keep_columns = true;
  CHECK(row(R"({"Question": "Q", "id": 3})", options).columns == Json({{"Question", "Q"}, {"id", 3}}));
  CHECK(row(R"({"query": "Q", "chat_template_kwargs": {"enable_thinking": false}})").columns ==
        Json::parse(R"({"chat_template_kwargs": {"enable_thinking": false}})"));
}

TEST_CASE("rows of no schema, and faulty ones, say what is wrong and where") {
  CHECK(error_of(R"({"foo": 1, "bar": 2})") == "unknown dataset schema: columns foo, bar");
  CHECK(error_of(R"({})") == "unknown dataset schema: columns none");
  CHECK(error_of(R"({"messages": []})") == "the list of messages is empty");
  CHECK(error_of(R"({"messages": [{"role": "narrator", "content": "x"}]})") == "unknown role 'narrator'");
  CHECK(error_of(R"({"messages": [{"role": "user"}]})") == "a message without content");
  CHECK(error_of(R"({"messages": [{"content": "x"}]})") == "a message without a role");
  CHECK(error_of(R"({"messages": ["x"]})") == "a message is no object");
  CHECK(error_of(R"({"messages": 3})") == "column 'messages' is no list");
  CHECK(error_of(R"({"messages": [{"role": "user", "content": 3}]})") ==
        "the content of a message is neither text nor a list of parts");
  CHECK(error_of(R"({"messages": [{"role": "user", "content": [{"type": "image", "image": "a.png"}]}]})") ==
        "a content part of type 'image' is not supported");
  CHECK(error_of(R"({"messages": [{"role": "assistant", "content": "x", "loss": "no"}]})") ==
        "loss of a message must be true or false");
  CHECK(error_of(R"({"messages": [{"role": "tool_call", "content": "f x"}]})") ==
        "the content of a tool_call message is no JSON object");
  CHECK(error_of(R"({"query": {"a": 1}, "response": "x"})") == "column 'query' holds no text");
  CHECK(error_of(R"({"query": "q", "history": "nonsense"})") == "column 'history' is no list");
  CHECK(error_of(R"({"query": "q", "history": [["a"]]})") ==
        "history must be a list of [query, response] pairs");
  CHECK(error_of(R"({"query": "q", "tools": "nonsense"})") ==
        "tools is neither a list nor the JSON text of one");
}
