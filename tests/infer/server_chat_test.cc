#include "server_fixture.h"

using namespace swift;
using namespace swift::infer;
using namespace swift::infer::fake;
using base::Json;

TEST_CASE("a chat completion has OpenAI's form") {
  ServerFixture fixture;
  const Response response = fixture.post("/v1/chat/completions", ServerFixture::chat("hello"));
  REQUIRE(response.status == 200);
  CHECK(response.has("Content-Type: application/json"));
  Json body = Json::parse(response.body);
  CHECK(body["id"].get<std::string>().starts_with("chatcmpl-"));
  CHECK(body["created"].is_number_integer());
  const size_t prompt = 1 + 10 + 1 + 1 + 10;  // <|im_start|>user:hello<|im_end|><|im_start|>assistant:
  const Json choice = {
      {"index", 0},
      {"message", {{"role", "assistant"}, {"content", "Hello w\xC3\xB6rld"}, {"refusal", nullptr}}},
      {"logprobs", nullptr},
      {"finish_reason", "stop"},
      {"stop_reason", nullptr}};
  CHECK(body["choices"] == Json::array({choice}));
  CHECK(body["object"] == "chat.completion");
  CHECK(body["model"] == "tiny");
  CHECK(body["usage"]["prompt_tokens"] == prompt);
  CHECK(body["usage"]["completion_tokens"] == 12);
  CHECK(body["usage"]["total_tokens"] == prompt + 12);
  CHECK(body["usage"]["prompt_tokens_details"]["cached_tokens"] == 0);
}

TEST_CASE("fields that are null are absent, and unknown ones do nothing") {
  ServerFixture fixture;
  Json members = {{"unheard_of", 1}};
  for (const char* key : {"model",
                          "temperature",
                          "top_p",
                          "top_k",
                          "min_p",
                          "n",
                          "stop",
                          "seed",
                          "stream",
                          "stream_options",
                          "logprobs",
                          "top_logprobs",
                          "logit_bias",
                          "tools",
                          "tool_choice",
                          "response_format",
                          "max_tokens",
                          "max_completion_tokens",
                          "user",
                          "presence_penalty",
                          "frequency_penalty",
                          "parallel_tool_calls",
                          "reasoning_effort",
                          "guided_json",
                          "structured_outputs",
                          "chat_template",
                          "chat_template_kwargs",
                          "cache_salt",
                          "priority",
                          "min_tokens"}) {
    members[key] = nullptr;
  }
  const Response response = fixture.post("/v1/chat/completions", ServerFixture::chat("hello", members));
  CHECK(response.status == 200);
  const Request request = fixture.service.last_request();
  CHECK(request.params.temperature == 1);
  CHECK(request.params.max_new_tokens == 4096 - static_cast<int64_t>(request.prompt.size()));
}

TEST_CASE("sampling fields reach the engine") {
  ServerFixture fixture;
  const Json members = {{"temperature", 0.5},
                        {"top_p", 0.9},
                        {"top_k", 7},
                        {"min_p", 0.1},
                        {"presence_penalty", 1},
                        {"frequency_penalty", -1},
                        {"repetition_penalty", 1.5},
                        {"seed", -1},
                        {"stop", {"a", "b"}},
                        {"stop_token_ids", {5}},
                        {"max_completion_tokens", 9},
                        {"min_tokens", 2},
                        {"logit_bias", {{"65", -100}}},
                        {"allowed_token_ids", {65, 66}},
                        {"bad_words", {"x"}},
                        {"ignore_eos", true},
                        {"logprobs", true},
                        {"top_logprobs", 3},
                        {"include_stop_str_in_output", true},
                        {"skip_special_tokens", false},
                        {"priority", -2},
                        {"cache_salt", "s"}};
  REQUIRE(fixture.post("/v1/chat/completions", ServerFixture::chat("hello", members)).status == 200);
  const Request request = fixture.service.last_request();
  const SamplingParams& p = request.params;
  CHECK(p.temperature == 0.5);
  CHECK(p.top_p == 0.9);
  CHECK(p.top_k == 7);
  CHECK(p.min_p == 0.1);
  CHECK(p.presence_penalty == 1);
  CHECK(p.frequency_penalty == -1);
  CHECK(p.repetition_penalty == 1.5);
  CHECK(p.seed == ~uint64_t{0});
  CHECK(p.stop == std::vector<std::string>{"a", "b"});
  CHECK(p.stop_ids == std::vector<int32_t>{5});
  CHECK(p.max_new_tokens == 9);
  CHECK(p.min_tokens == 2);
  CHECK(p.logit_bias == std::map<int32_t, double>{{65, -100.0}});
  CHECK(p.allowed_ids == std::vector<int32_t>{65, 66});
  CHECK(p.bad_words == std::vector<std::vector<int32_t>>{{'x'}, {' ', 'x'}});
  CHECK(p.ignore_eos);
  CHECK(p.top_logprobs == 3);
  CHECK(p.include_stop);
  CHECK_FALSE(p.skip_special);
  CHECK(request.priority == -2);
  CHECK(request.cache_salt == "s");
}

TEST_CASE(
    "a stream begins with the role, ends with the reason, usage and [DONE], and the connection lives on") {
  ServerFixture fixture;
  HttpClient client(fixture.server->port());
  const Json members = {{"stream", true}, {"stream_options", {{"include_usage", true}}}};
  const Response response = client.post("/v1/chat/completions", ServerFixture::chat("hello", members).dump());
  REQUIRE(response.status == 200);
  CHECK(response.has("Content-Type: text/event-stream; charset=utf-8"));
  CHECK(response.has("Cache-Control: no-cache"));
  CHECK(response.has("X-Accel-Buffering: no"));
  CHECK(response.body.ends_with("data: [DONE]\n\n"));
  const auto events = sse_events(response.body);
  REQUIRE(events.size() == 6);
  CHECK(events[0]["choices"][0]["delta"] == Json({{"role", "assistant"}, {"content", ""}}));
  CHECK(events[0]["choices"][0]["finish_reason"].is_null());
  CHECK(events[0]["object"] == "chat.completion.chunk");
  std::string text;
  for (size_t i = 1; i < 4; ++i) {
    text += events[i]["choices"][0]["delta"]["content"].get<std::string>();
    CHECK(events[i]["usage"].is_null());
    CHECK(events[i]["id"] == events[0]["id"]);
  }
  CHECK(text == "Hello w\xC3\xB6rld");
  CHECK(events[4]["choices"][0]["delta"] == Json::object());
  CHECK(events[4]["choices"][0]["finish_reason"] == "stop");
  CHECK(events[5]["choices"] == Json::array());
  CHECK(events[5]["usage"]["completion_tokens"] == 12);
  CHECK(client.get("/health").status == 200);
}

TEST_CASE("two choices stream side by side") {
  ServerFixture fixture;
  const Json members = {{"stream", true}, {"n", 2}};
  const Response response = fixture.post("/v1/chat/completions", ServerFixture::chat("hello", members));
  std::string text[2];
  int ends = 0;
  for (const Json& event : sse_events(response.body)) {
    const Json& choice = event["choices"][0];
    text[choice["index"].get<size_t>()] += choice["delta"].value("content", "");
    ends += choice["finish_reason"] == "stop" ? 1 : 0;
  }
  CHECK(text[0] == "Hello w\xC3\xB6rld");
  CHECK(text[1] == text[0]);
  CHECK(ends == 2);
}

TEST_CASE("a failure in the middle of a stream is an event") {
  ServerFixture fixture;
  const Response response =
      fixture.post("/v1/chat/completions", ServerFixture::chat("fail", {{"stream", true}}));
  CHECK(response.status == 200);
  const auto events = sse_events(response.body);
  CHECK(events.back() ==
        Json::parse(R"({"error":{"message":"out of key/value blocks","type":"internal_server_error",
    "param":null,"code":500}})"));
  CHECK(response.body.ends_with("data: [DONE]\n\n"));
  const Response whole = fixture.post("/v1/chat/completions", ServerFixture::chat("fail"));
  CHECK(whole.status == 500);
}

TEST_CASE("log-probabilities carry the bytes of tokens that are no text") {
  ServerFixture fixture;
  const Json members = {{"logprobs", true}, {"top_logprobs", 1}};
  const Response response = fixture.post("/v1/chat/completions", ServerFixture::chat("hello", members));
  const Json content = Json::parse(response.body)["choices"][0]["logprobs"]["content"];
  REQUIRE(content.size() == 12);
  CHECK(content[0] == Json::parse(R"({"token":"H","logprob":-0.5,"bytes":[72],
    "top_logprobs":[{"token":"H","logprob":-0.5,"bytes":[72]}]})"));
  CHECK(content[7]["token"] == "bytes:\\xc3");
  CHECK(content[7]["bytes"] == Json::array({0xC3}));
}

TEST_CASE("tool calls come whole or in pieces") {
  ServerFixture fixture;
  Json members = {{"tools", weather_tools()}};
  const Json whole =
      Json::parse(fixture.post("/v1/chat/completions", ServerFixture::chat("weather", members)).body);
  const Json& choice = whole["choices"][0];
  CHECK(choice["finish_reason"] == "tool_calls");
  CHECK(choice["message"]["content"] == "Let me see.");
  REQUIRE(choice["message"]["tool_calls"].size() == 1);
  const Json& call = choice["message"]["tool_calls"][0];
  CHECK(call["type"] == "function");
  CHECK(call["function"] == Json({{"name", "get_weather"}, {"arguments", "{\"city\": \"Paris\"}"}}));
  CHECK(text_of(fixture.service.last_request().prompt).find("get_weather") != std::string::npos);

  members["stream"] = true;
  const Response response = fixture.post("/v1/chat/completions", ServerFixture::chat("weather", members));
  std::string name, arguments, content;
  int ids = 0;
  for (const Json& event : sse_events(response.body)) {
    const Json& delta = event["choices"][0]["delta"];
    content += delta.value("content", "");
    if (!delta.contains("tool_calls")) continue;
    const Json& tool = delta["tool_calls"][0];
    CHECK(tool["index"] == 0);
    ids += tool.contains("id") ? 1 : 0;
    name += tool["function"].value("name", "");
    arguments += tool["function"]["arguments"].get<std::string>();
  }
  CHECK(ids == 1);
  CHECK(name == "get_weather");
  CHECK(arguments == "{\"city\": \"Paris\"}");
  CHECK(content == "Let me see.");
}

TEST_CASE("several calls, and only one where calls may not be parallel") {
  ServerFixture fixture;
  Json members = {{"tools", weather_tools()}};
  Json body =
      Json::parse(fixture.post("/v1/chat/completions", ServerFixture::chat("two calls", members)).body);
  CHECK(body["choices"][0]["message"]["tool_calls"].size() == 2);
  CHECK(body["choices"][0]["message"]["content"].is_null());
  members["parallel_tool_calls"] = false;
  body = Json::parse(fixture.post("/v1/chat/completions", ServerFixture::chat("two calls", members)).body);
  CHECK(body["choices"][0]["message"]["tool_calls"].size() == 1);
  members = {{"tools", weather_tools()}, {"tool_choice", "none"}};
  body = Json::parse(fixture.post("/v1/chat/completions", ServerFixture::chat("two calls", members)).body);
  CHECK_FALSE(body["choices"][0]["message"].contains("tool_calls"));
}

TEST_CASE("a forced call is held to the function's schema") {
  ServerFixture fixture;
  Json members = {{"tools", weather_tools()},
                  {"tool_choice", {{"type", "function"}, {"function", {{"name", "get_weather"}}}}}};
  Json body =
      Json::parse(fixture.post("/v1/chat/completions", ServerFixture::chat("arguments", members)).body);
  const Json expected = {{"name", "get_weather"}, {"arguments", "{\"city\": \"Paris\"}"}};
  CHECK(body["choices"][0]["message"]["tool_calls"][0]["function"] == expected);
  CHECK(body["choices"][0]["finish_reason"] == "tool_calls");
  CHECK(fixture.service.last_request().params.matcher != nullptr);

  members["tool_choice"] = "required";
  body = Json::parse(fixture.post("/v1/chat/completions", ServerFixture::chat("calls", members)).body);
  CHECK(body["choices"][0]["message"]["tool_calls"][0]["function"] == expected);
  CHECK(fixture.service.rejected_tokens == 0);
}

TEST_CASE("forced and required calls stream as others do") {
  ServerFixture fixture;
  const Json named = {{"type", "function"}, {"function", {{"name", "get_weather"}}}};
  for (const auto& [choice, asked] :
       std::vector<std::pair<Json, std::string>>{{named, "arguments"}, {"required", "calls"}}) {
    const Json members = {{"tools", weather_tools()}, {"tool_choice", choice}, {"stream", true}};
    const Response response = fixture.post("/v1/chat/completions", ServerFixture::chat(asked, members));
    std::string id, name, arguments, finish;
    int ids = 0;
    for (const Json& event : sse_events(response.body)) {
      const Json& choice_json = event["choices"][0];
      if (choice_json["finish_reason"].is_string()) finish = choice_json["finish_reason"];
      CHECK(choice_json["delta"].value("content", "").empty());
      if (!choice_json["delta"].contains("tool_calls")) continue;
      const Json& tool = choice_json["delta"]["tool_calls"][0];
      CHECK(tool["index"] == 0);
      CHECK(tool["function"]["arguments"].is_string());
      ids += tool.contains("id") ? 1 : 0;
      if (tool.contains("id")) CHECK(tool["type"] == "function");
      name += tool["function"].value("name", "");
      arguments += tool["function"]["arguments"].get<std::string>();
    }
    CHECK(ids == 1);
    CHECK(name == "get_weather");
    CHECK(Json::parse(arguments) == Json({{"city", "Paris"}}));
    CHECK(finish == "tool_calls");
  }
}

TEST_CASE("reasoning stands apart from the answer") {
  ServerFixture fixture;
  Json body = Json::parse(fixture.post("/v1/chat/completions", ServerFixture::chat("think")).body);
  Json message = body["choices"][0]["message"];
  CHECK(message["reasoning"] == "because");
  CHECK(message["reasoning_content"] == "because");
  CHECK(message["content"] == "42");
  CHECK(body["usage"]["completion_tokens_details"]["reasoning_tokens"].get<int>() > 0);

  const Json members = {{"chat_template_kwargs", {{"enable_thinking", true}}}};
  body = Json::parse(fixture.post("/v1/chat/completions", ServerFixture::chat("open think", members)).body);
  message = body["choices"][0]["message"];
  CHECK(message["reasoning"] == "because");
  CHECK(message["content"] == "42");
}

TEST_CASE("a response format becomes a matcher that the answer satisfies") {
  ServerFixture fixture;
  Json schema = {{"type", "object"},
                 {"properties", {{"name", {{"type", "string"}}}, {"age", {{"type", "integer"}}}}},
                 {"required", {"name", "age"}},
                 {"additionalProperties", false}};
  Json format = {{"type", "json_schema"}, {"json_schema", {{"name", "person"}, {"schema", schema}}}};
  const Response response =
      fixture.post("/v1/chat/completions", ServerFixture::chat("json", {{"response_format", format}}));
  REQUIRE(response.status == 200);
  CHECK(fixture.service.last_request().params.matcher != nullptr);
  CHECK(fixture.service.rejected_tokens == 0);
}

TEST_CASE("each kind of structured output holds the answer to it") {
  ServerFixture fixture;
  const auto rejected = [&](const Json& constraint, const char* asked) {
    fixture.service.rejected_tokens = 0;
    const Json members = {{"structured_outputs", constraint}};
    CHECK(fixture.post("/v1/chat/completions", ServerFixture::chat(asked, members)).status == 200);
    CHECK(fixture.service.last_request().params.matcher != nullptr);
    return fixture.service.rejected_tokens.load();
  };
  const std::string said = "Hello w\xC3\xB6rld";
  CHECK(rejected({{"choice", {said, "no"}}}, "hello") == 0);
  CHECK(rejected({{"choice", {"Help", "no"}}}, "hello") > 0);
  CHECK(rejected({{"regex", "Hel+o [a-z\xC3\xB6]{5}"}}, "hello") == 0);
  CHECK(rejected({{"regex", "Hel+o [a-z]{5}"}}, "hello") > 0);
  CHECK(rejected({{"grammar", "root ::= \"Hello \" word\nword ::= [a-z\xC3\xB6]+"}}, "hello") == 0);
  CHECK(rejected({{"grammar", "root ::= \"Hello \" [0-9]+"}}, "hello") > 0);
  CHECK(rejected({{"json_object", true}}, "json") == 0);
  CHECK(rejected({{"json", {{"type", "object"}, {"properties", {{"name", {{"type", "string"}}}}}}}}, "json") >
        0);
  CHECK(rejected({{"json", R"({"type": "object", "additionalProperties": {"type": ["string", "integer"]}})"}},
                 "json") == 0);
}

TEST_CASE("a structural tag is refused by its name") {
  ServerFixture fixture;
  const Json tag = {{"type", "structural_tag"}, {"structures", Json::array()}, {"triggers", Json::array()}};
  Json error = fixture.chat_error({{"response_format", tag}});
  CHECK(error["param"] == "response_format.type");
  CHECK(error["message"] ==
        "Invalid value: 'structural_tag'. Supported values are: 'text', 'json_object', and "
        "'json_schema'.");
  error = fixture.chat_error({{"structured_outputs", {{"structural_tag", "{}"}}}});
  CHECK(error["message"] == "'structured_outputs.structural_tag' is not supported.");
}

TEST_CASE("messages arrive as the template wants them") {
  ServerFixture fixture;
  const Json messages = Json::parse(R"([
    {"role":"developer","content":"be brief"},
    {"role":"user","content":[{"type":"text","text":"one"},{"type":"text","text":"two"}]},
    {"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function",
      "function":{"name":"f","arguments":"{\"a\": 1}"}}]},
    {"role":"tool","tool_call_id":"c1","content":"3"}])");
  REQUIRE(fixture.post("/v1/chat/completions", {{"messages", messages}}).status == 200);
  CHECK(text_of(fixture.service.last_request().prompt) ==
        "<|im_start|>system:be brief<|im_end|><|im_start|>user:one\ntwo<|im_end|>"
        "<|im_start|>assistant:<tool_call>f:a=1;</tool_call><|im_end|><|im_start|>tool:3<|im_end|>"
        "<|im_start|>assistant:");
}

TEST_CASE("the final message can be continued") {
  ServerFixture fixture;
  Json body = ServerFixture::chat("hello", {{"continue_final_message", true}});
  body["messages"].push_back({{"role", "assistant"}, {"content", "Well, "}});
  REQUIRE(fixture.post("/v1/chat/completions", body).status == 200);
  CHECK(text_of(fixture.service.last_request().prompt) ==
        "<|im_start|>user:hello<|im_end|><|im_start|>assistant:Well,");
}
