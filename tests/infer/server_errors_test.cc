#include <fstream>

#include "infer/server/auth.h"
#include "server_fixture.h"

using namespace swift;
using namespace swift::infer;
using namespace swift::infer::fake;
using base::Json;

namespace {

std::string body_of(const std::string& message, const std::string& type, const Json& param, int code) {
  return Json({{"error", {{"message", message}, {"type", type}, {"param", param}, {"code", code}}}}).dump();
}

}  // namespace

TEST_CASE("every value out of range is a 400 with its exact message") {
  struct Case {
    Json members;
    std::string param, message;
  };
  const std::vector<Case> cases = {
      {{{"temperature", -1}},
       "temperature",
       "Invalid 'temperature': expected a number from 0 to 2, but got -1 instead."},
      {{{"temperature", 2.5}},
       "temperature",
       "Invalid 'temperature': expected a number from 0 to 2, but got 2.5 instead."},
      {{{"temperature", "hot"}},
       "temperature",
       "Invalid type for 'temperature': expected a number, but got a string instead."},
      {{{"top_p", 0}}, "top_p", "Invalid 'top_p': expected a number above 0 and up to 1, but got 0 instead."},
      {{{"top_k", -2}},
       "top_k",
       "Invalid 'top_k': expected -1 or 0 (off) or an integer from 1, but got -2 instead."},
      {{{"min_p", 1.5}}, "min_p", "Invalid 'min_p': expected a number from 0 to 1, but got 1.5 instead."},
      {{{"presence_penalty", 3}},
       "presence_penalty",
       "Invalid 'presence_penalty': expected a number from -2 to 2, but got 3 instead."},
      {{{"frequency_penalty", -3}},
       "frequency_penalty",
       "Invalid 'frequency_penalty': expected a number from -2 to 2, but got -3 instead."},
      {{{"repetition_penalty", 0}},
       "repetition_penalty",
       "Invalid 'repetition_penalty': expected a number above 0, but got 0 instead."},
      {{{"max_tokens", 0}},
       "max_tokens",
       "Invalid 'max_tokens': expected a number from 1 to 2147483647, but got 0 instead."},
      {{{"n", 0}}, "n", "Invalid 'n': expected an integer from 1 to 128, but got 0 instead."},
      {{{"n", 1000000}}, "n", "Invalid 'n': expected an integer from 1 to 128, but got 1000000 instead."},
      {{{"n", 2}, {"temperature", 0}}, "n", "n must be 1 when using greedy sampling, got 2."},
      {{{"stop", ""}}, "stop", "Invalid 'stop': a stop string cannot be empty."},
      {{{"stop", 3}},
       "stop",
       "Invalid type for 'stop': expected a string or an array of strings, but got an integer instead."},
      {{{"stream_options", {{"include_usage", true}}}},
       "stream_options",
       "The 'stream_options' parameter is only allowed when 'stream' is enabled."},
      {{{"top_logprobs", 2}},
       "top_logprobs",
       "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled."},
      {{{"logprobs", true}, {"top_logprobs", 21}},
       "top_logprobs",
       "Invalid 'top_logprobs': expected a number from 0 to 20, but got 21 instead."},
      {{{"logit_bias", {{"x", 1}}}},
       "logit_bias",
       "Invalid 'logit_bias': key 'x' is not the id of one of the 260 tokens of the vocabulary."},
      {{{"logit_bias", {{"260", 1}}}},
       "logit_bias",
       "Invalid 'logit_bias': key '260' is not the id of one of the 260 tokens of the vocabulary."},
      {{{"tools", Json::array()}},
       "tools",
       "Invalid 'tools': empty array. Expected an array with minimum length 1, but got an empty array "
       "instead."},
      {{{"tool_choice", "required"}},
       "tool_choice",
       "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified."},
      {{{"tools", weather_tools()}, {"tool_choice", {{"function", {{"name", "f"}}}}}},
       "tool_choice",
       "Tool choice 'f' not found in 'tools' parameter."},
      {{{"response_format", {{"type", "json_schema"}}}},
       "response_format.json_schema",
       "Missing required parameter: 'response_format.json_schema'."},
      {{{"response_format", {{"type", "xml"}}}},
       "response_format.type",
       "Invalid value: 'xml'. Supported values are: 'text', 'json_object', and 'json_schema'."},
      {{{"guided_json", {{"type", "object"}}}},
       "guided_json",
       "'guided_json' is no longer a parameter; use 'structured_outputs' or 'response_format'."},
      {{{"messages", nullptr}}, "messages", "Missing required parameter: 'messages'."},
      {{{"messages", Json::array()}},
       "messages",
       "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array "
       "instead."},
      {{{"messages", "hi"}},
       "messages",
       "Invalid type for 'messages': expected an array, but got a string instead."},
      {{{"messages", {{{"role", "robot"}, {"content", "x"}}}}},
       "messages[0].role",
       "Invalid value: 'robot'. Supported values are: 'system', 'developer', 'user', 'assistant', 'tool', "
       "and 'function'."},
      {{{"continue_final_message", true}, {"add_generation_prompt", true}},
       "continue_final_message",
       "Cannot set both 'continue_final_message' and 'add_generation_prompt' to true."},
  };
  ServerFixture fixture;
  HttpClient client(fixture.server->port());
  for (const Case& c : cases) {
    const Response response =
        client.post("/v1/chat/completions", ServerFixture::chat("hello", c.members).dump());
    CHECK(response.status == 400);
    CHECK(response.body == body_of(c.message, "invalid_request_error", c.param, 400));
  }
  CHECK(fixture.service.submitted == 0);
}

TEST_CASE("images are refused by name") {
  ServerFixture fixture;
  const Json messages =
      Json::parse(R"([{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}])");
  CHECK(fixture.chat_error({{"messages", messages}})["message"] ==
        "Invalid 'messages[0].content[0].type': this model takes text only, not 'image_url'.");
}

TEST_CASE("a keyword that no grammar has is named") {
  ServerFixture fixture;
  const Json schema = {{"type", "object"}, {"dependentSchemas", {{"a", {{"type", "object"}}}}}};
  const Json error = fixture.chat_error(
      {{"response_format", {{"type", "json_schema"}, {"json_schema", {{"name", "x"}, {"schema", schema}}}}}});
  CHECK(error["message"].get<std::string>().find("dependentSchemas") != std::string::npos);
}

TEST_CASE("a prompt beyond the context says all numbers") {
  ServerFixture fixture;
  const Json error = fixture.chat_error({{"max_tokens", 5000}});
  CHECK(
      error ==
      Json::parse(
          R"({"message":"This model's maximum context length is 4096 tokens. However, you requested 5023 tokens (23 in the messages, 5000 in the completion). Please reduce the length of the messages or completion.","type":"invalid_request_error","param":"messages","code":400,"n_prompt_tokens":23,"n_ctx":4096})"));
  const Response response =
      fixture.post("/v1/completions", {{"prompt", std::string(4096, 'x')}, {"max_tokens", 1}});
  CHECK(response.status == 400);
}

TEST_CASE("a model that is not there is a 404") {
  ServerFixture fixture;
  const Response response =
      fixture.post("/v1/chat/completions", ServerFixture::chat("hello", {{"model", "gpt-9"}}));
  CHECK(response.status == 404);
  CHECK(response.body == body_of("The model `gpt-9` does not exist.", "not_found_error", "model", 404));
  CHECK(fixture.get("/v1/models/gpt-9").status == 404);
  CHECK(fixture.get("/v2/nothing").body ==
        body_of("Invalid URL (GET /v2/nothing).", "not_found_error", nullptr, 404));
}

TEST_CASE("without a key of the server's there is a 401, but health and metrics stay open") {
  server::ServerOptions options = server_options();
  options.api_keys = {"secret", "other"};
  ServerFixture fixture(options);
  const Response none = fixture.post("/v1/chat/completions", ServerFixture::chat("hello"));
  CHECK(none.status == 401);
  CHECK(none.has("WWW-Authenticate: Bearer\r\n"));
  CHECK(none.body ==
        body_of("You didn't provide an API key. Send it in the header 'Authorization: Bearer KEY'.",
                "authentication_error", nullptr, 401));
  HttpClient client(fixture.server->port());
  const std::string body = ServerFixture::chat("hello").dump();
  const Response wrong = client.post("/v1/chat/completions", body, "Authorization: Bearer secre\r\n");
  CHECK(wrong.status == 401);
  CHECK(wrong.body == body_of("Incorrect API key provided.", "authentication_error", nullptr, 401));
  CHECK(client.post("/v1/chat/completions", body, "Authorization: Bearer other\r\n").status == 200);
  CHECK(client.post("/v1/chat/completions", body, "x-api-key: secret\r\n").status == 200);
  for (const char* path : {"/health", "/ready", "/metrics", "/version", "/openapi.json"}) {
    CHECK(client.get(path).status == 200);
  }
}

TEST_CASE("keys come from a file, a line each") {
  const TemporaryFolder folder;
  const std::string path = folder.path / "keys";
  std::ofstream(path) << "# ours\n  one \n\ntwo\n";
  CHECK(server::read_key_file(path) == std::vector<std::string>{"one", "two"});
  std::ofstream(path) << "#\n";
  CHECK_THROWS_AS(server::read_key_file(path), base::Error);
}

TEST_CASE("a full queue is a 429 that says when to come again, and leaves nothing behind") {
  ServerFixture fixture(server_options(), 2);
  HttpClient first(fixture.server->port());
  first.send_post("/v1/chat/completions", ServerFixture::chat("hang", {{"stream", true}}).dump());
  first.until("begin");
  const Response response = fixture.post("/v1/chat/completions", ServerFixture::chat("hang", {{"n", 2}}));
  CHECK(response.status == 429);
  CHECK(response.has("Retry-After: 1\r\n"));
  CHECK(response.body == body_of("The server is at its limit of waiting requests. Please retry later.",
                                 "rate_limit_error", nullptr, 429));
  CHECK(ServerFixture::eventually([&] { return fixture.service.active() == 1; }));
  CHECK(fixture.get("/metrics")
            .body.find("swift_admission_rejections_total{model_name=\"tiny\",reason=\"queue_full\"} 1") !=
        std::string::npos);
}

TEST_CASE("a body that is no JSON object is a 400") {
  ServerFixture fixture;
  HttpClient client(fixture.server->port());
  const auto message = [&](const std::string& body) {
    const Response response = client.post("/v1/chat/completions", body);
    CHECK(response.status == 400);
    return Json::parse(response.body)["error"]["message"].get<std::string>();
  };
  CHECK(message("") == "The request has no body; expected a JSON object.");
  CHECK(message("[]") == "The body must be a JSON object, but is an array.");
  CHECK(message("{\"a\":\"\xFF\"}") == "The body is not valid UTF-8.");
  CHECK(message(std::string(100000, '[')) == "The body nests deeper than 256 levels.");
  CHECK(message("{\"a\":").starts_with("The body is not valid JSON: "));
  CHECK(message("{\"temperature\":1e999}").starts_with("The body is not valid JSON: "));
}
