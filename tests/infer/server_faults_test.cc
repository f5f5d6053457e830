// Every fault of every route with its exact body: what server_errors_test.cc has for chat, and the rest.
#include "fault_bodies.h"
#include "server_fixture.h"

using namespace swift;
using namespace swift::infer;
using namespace swift::infer::fake;
using base::Json;

namespace {

struct Case {
  Json members;  // of the request, over those that a good one has
  Json param;
  std::string message;
};

void expect_400(ServerFixture& fixture, const std::string& path, const Json& good,
                const std::vector<Case>& cases) {
  HttpClient client(fixture.server->port());
  for (const Case& c : cases) {
    Json body = good;
    body.update(c.members);
    INFO(path << " " << body.dump().substr(0, 300));
    const Response response = client.post(path, body.dump());
    CHECK(response.status == 400);
    CHECK(response.body == body_of(400, c.message, c.param));
  }
  CHECK(fixture.service.submitted == 0);
  CHECK(fixture.service.active() == 0);
}

std::string range(const std::string& name, const std::string& from, const std::string& to,
                  const std::string& got) {
  return "Invalid '" + name + "': expected a number from " + from + " to " + to + ", but got " + got +
         " instead.";
}

std::string empty_array(const std::string& name) {
  return "Invalid '" + name +
         "': empty array. Expected an array with minimum length 1, but got an empty array instead.";
}

const char* const kMostTokens = "2147483647";

}  // namespace

TEST_CASE("whatever is negative, huge or of another type in a chat request is a 400 that names it") {
  ServerFixture fixture;
  const Json good = ServerFixture::chat("hello");
  const Json schema_twice = {{"regex", "a"}, {"choice", {"b"}}};
  expect_400(
      fixture, "/v1/chat/completions", good,
      {
          {{{"max_tokens", -5}}, "max_tokens", range("max_tokens", "1", kMostTokens, "-5")},
          {{{"max_completion_tokens", -5}}, "max_tokens", range("max_tokens", "1", kMostTokens, "-5")},
          {{{"max_tokens", 9e15}}, "max_tokens", range("max_tokens", "1", kMostTokens, "9e+15")},
          {{{"max_tokens", 1e300}},
           "max_tokens",
           "Invalid type for 'max_tokens': expected an integer, but got a decimal instead."},
          {{{"max_tokens", 18446744073709551615ULL}},
           "max_tokens",
           "Invalid type for 'max_tokens': expected an integer, but got an integer instead."},
          {{{"n", -1}}, "n", "Invalid 'n': expected an integer from 1 to 128, but got -1 instead."},
          {{{"top_p", -0.1}},
           "top_p",
           "Invalid 'top_p': expected a number above 0 and up to 1, but got -0.1 instead."},
          {{{"min_p", -0.1}}, "min_p", range("min_p", "0", "1", "-0.1")},
          {{{"repetition_penalty", -1}},
           "repetition_penalty",
           "Invalid 'repetition_penalty': expected a number above 0, but got -1 instead."},
          {{{"logprobs", true}, {"top_logprobs", -1}},
           "top_logprobs",
           range("top_logprobs", "0", "20", "-1")},
          {{{"logprobs", 3}},
           "logprobs",
           "Invalid type for 'logprobs': expected a boolean, but got an integer instead."},
          {{{"prompt_logprobs", -1}}, "prompt_logprobs", range("prompt_logprobs", "0", "20", "-1")},
          {{{"prompt_logprobs", 1}, {"stream", true}},
           "prompt_logprobs",
           "'prompt_logprobs' are not available when 'stream' is enabled."},
          {{{"min_tokens", -1}}, "min_tokens", range("min_tokens", "0", kMostTokens, "-1")},
          {{{"logit_bias", {{"-1", 1}}}},
           "logit_bias",
           "Invalid 'logit_bias': key '-1' is not the id of one of the 260 tokens of the vocabulary."},
          {{{"logit_bias", {{"3", "x"}}}},
           "logit_bias",
           "Invalid 'logit_bias': the value of token 3 is not a number."},
          {{{"logit_bias", {{"3", -101}}}},
           "logit_bias",
           "Invalid 'logit_bias': expected a number from -100 to 100 for token 3, but got -101 instead."},
          {{{"stop", std::vector<std::string>(65, "x")}},
           "stop",
           "Invalid 'stop': at most 64 stop strings, but got 65."},
          {{{"stop_token_ids", {-1}}},
           "stop_token_ids",
           "Invalid type for 'stop_token_ids': expected an array of token ids, but got an integer instead."},
          {{{"stop_token_ids", {260}}},
           "stop_token_ids",
           "Invalid 'stop_token_ids': token id 260 is not in the vocabulary of 260 tokens."},
          {{{"allowed_token_ids", Json::array()}},
           "allowed_token_ids",
           "Invalid 'allowed_token_ids': the array cannot be empty."},
          {{{"allowed_token_ids", {1000}}},
           "allowed_token_ids",
           "Invalid 'allowed_token_ids': token id 1000 is not in the vocabulary of 260 tokens."},
          {{{"bad_words", {""}}}, "bad_words", "Invalid 'bad_words': a word cannot be empty."},
          {{{"stream", "yes"}},
           "stream",
           "Invalid type for 'stream': expected a boolean, but got a string instead."},
          {{{"best_of", 4}}, "best_of", "'best_of' is not supported; use 'n'."},
          {{{"use_beam_search", true}}, "use_beam_search", "'use_beam_search' is not supported; use 'n'."},
          {{{"functions", Json::array()}},
           "functions",
           "'functions' is not supported; use 'tools' and 'tool_choice'."},
          {{{"tools", {{{"type", "retrieval"}}}}},
           "tools[0].type",
           "Invalid value: 'retrieval'. Supported values are: 'function'."},
          {{{"tools", {{{"type", "function"}}}}},
           "tools[0].function",
           "Missing required parameter: 'tools[0].function'."},
          {{{"tools", weather_tools()}, {"tool_choice", "maybe"}},
           "tool_choice",
           "Invalid value: 'maybe'. Supported values are: 'none', 'auto', and 'required'."},
          {{{"response_format", Json::object()}},
           "response_format.type",
           "Missing required parameter: 'response_format.type'."},
          {{{"structured_outputs", Json::object()}},
           "structured_outputs",
           "Invalid 'structured_outputs': expected exactly one of 'json', 'json_object', 'regex', 'choice', "
           "and 'grammar', but got 0."},
          {{{"structured_outputs", schema_twice}},
           "structured_outputs",
           "Invalid 'structured_outputs': expected exactly one of 'json', 'json_object', 'regex', 'choice', "
           "and 'grammar', but got 2."},
          {{{"structured_outputs", {{"regex", "a"}}}, {"response_format", {{"type", "json_object"}}}},
           "structured_outputs",
           "'structured_outputs' and 'response_format' exclude each other."},
          {{{"messages", {{{"role", "user"}}}}},
           "messages[0].content",
           "Missing required parameter: 'messages[0].content'."},
          {{{"messages", {{{"content", "x"}}}}},
           "messages[0].role",
           "Missing required parameter: 'messages[0].role'."},
          {{{"messages", {3}}},
           "messages[0]",
           "Invalid type for 'messages[0]': expected an object, but got an integer instead."},
      });
}

TEST_CASE("faults of /v1/completions have their exact bodies") {
  ServerFixture fixture;
  expect_400(
      fixture, "/v1/completions", {{"prompt", "a"}},
      {
          {{{"prompt", nullptr}}, "prompt", "Missing required parameter: 'prompt'."},
          {{{"prompt", Json::array()}}, "prompt", "Invalid 'prompt': the array cannot be empty."},
          {{{"prompt", ""}}, "prompt", "Invalid 'prompt': a prompt cannot be empty."},
          {{{"prompt", 3}},
           "prompt",
           "Invalid type for 'prompt': expected a string, an array of strings, an array of token ids, or an "
           "array of arrays of token ids."},
          {{{"prompt", Json::array({Json::array({260})})}},
           "prompt",
           "Invalid 'prompt': token id 260 is not in the vocabulary of 260 tokens."},
          {{{"prompt", {-1}}},
           "prompt",
           "Invalid type for 'prompt': expected an array of token ids, but got an integer instead."},
          {{{"prompt", std::vector<std::string>(2049, "x")}},
           "prompt",
           "Invalid 'prompt': at most 2048 prompts a request."},
          {{{"prompt", std::vector<std::string>(2048, "x")}, {"n", 3}},
           "n",
           "Invalid 'n': 2048 prompts make 6144 answers; at most 4096 a request."},
          {{{"prompt", std::vector<std::string>(100, "x")}, {"n", 11}},
           "n",
           "The request asks for 1100 answers, but this server holds at most 1000 at once."},
          {{{"suffix", "b"}}, "suffix", "'suffix' is not supported."},
          {{{"logprobs", 21}}, "logprobs", range("logprobs", "0", "20", "21")},
          {{{"logprobs", -1}}, "logprobs", range("logprobs", "0", "20", "-1")},
          {{{"max_tokens", 0}}, "max_tokens", range("max_tokens", "1", kMostTokens, "0")},
      });
  const Response response = fixture.post("/v1/completions", {{"prompt", "abc"}, {"max_tokens", 4094}});
  CHECK(response.status == 400);
  Json expected = Json::parse(body_of(
      400,
      "This model's maximum context length is 4096 tokens. However, you requested 4097 tokens (3 in the "
      "prompt, 4094 in the completion). Please reduce the length of the prompt or completion.",
      "prompt"));
  expected["error"]["n_prompt_tokens"] = 3;
  expected["error"]["n_ctx"] = 4096;
  CHECK(Json::parse(response.body) == expected);
}

TEST_CASE("faults of embeddings, tokenize and detokenize have their exact bodies") {
  ServerFixture fixture;
  expect_400(
      fixture, "/v1/embeddings", {{"input", "a"}},
      {
          {{{"input", nullptr}}, "input", "Missing required parameter: 'input'."},
          {{{"input", Json::array()}}, "input", "Invalid 'input': the array cannot be empty."},
          {{{"input", ""}}, "input", "Invalid 'input': an input cannot be empty."},
          {{{"input", std::vector<std::string>(2049, "x")}},
           "input",
           "Invalid 'input': at most 2048 inputs a request."},
          {{{"input", std::string(4097, 'x')}},
           "input",
           "This model's maximum context length is 4096 tokens. However, you requested 4097 tokens in the "
           "input. Please reduce the length of the input."},
          {{{"encoding_format", "hex"}},
           "encoding_format",
           "Invalid value: 'hex'. Supported values are: 'float' and 'base64'."},
          {{{"dimensions", 0}},
           "dimensions",
           "Invalid 'dimensions': expected an integer from 1 to 4, but got 0 instead."},
          {{{"dimensions", -3}},
           "dimensions",
           "Invalid 'dimensions': expected an integer from 1 to 4, but got -3 instead."},
      });
  expect_400(fixture, "/tokenize", Json::object(),
             {{Json::object(), "prompt", "Missing required parameter: 'prompt'."},
              {{{"messages", Json::array()}}, "messages", empty_array("messages")}});
  expect_400(fixture, "/detokenize", {{"tokens", {1}}},
             {{{{"tokens", nullptr}}, "tokens", "Missing required parameter: 'tokens'."},
              {{{"tokens", {9999}}},
               "tokens",
               "Invalid 'tokens': token id 9999 is not in the vocabulary of 259 tokens."},
              {{{"tokens", "x"}},
               "tokens",
               "Invalid type for 'tokens': expected an array, but got a string instead."}});
}

TEST_CASE("faults of /v1/responses have their exact bodies") {
  ServerFixture fixture;
  expect_400(fixture, "/v1/responses", {{"input", "hello"}},
             {
                 {{{"input", nullptr}}, "input", "Missing required parameter: 'input'."},
                 {{{"input", {{{"type", "computer_call"}}}}},
                  "input[0].type",
                  "Invalid 'input[0].type': items of type 'computer_call' are not supported."},
                 {{{"temperature", -1}}, "temperature", range("temperature", "0", "2", "-1")},
                 {{{"tools", {{{"type", "web_search"}}}}},
                  "tools[0].type",
                  "Tools of type 'web_search' are not supported."},
             });
}

TEST_CASE("faults of /v1/messages have Anthropic's form") {
  server::ServerOptions options = server_options();
  options.api_keys = {"key"};
  ServerFixture fixture(options, 1);
  HttpClient client(fixture.server->port());
  const Json good = {{"max_tokens", 10}, {"messages", {{{"role", "user"}, {"content", "hang"}}}}};
  const auto ask = [&](const Json& members, const std::string& headers = "x-api-key: key\r\n") {
    Json body = good;
    body.update(members);
    return client.post("/v1/messages", body.dump(), headers);
  };
  Response response = ask(Json::object(), "");
  CHECK(response.status == 401);
  CHECK(response.body ==
        anthropic_body("authentication_error",
                       "You didn't provide an API key. Send it in the header 'Authorization: Bearer KEY'."));
  response = ask({{"model", "nobody"}});
  CHECK(response.status == 404);
  CHECK(response.body == anthropic_body("not_found_error", "The model `nobody` does not exist."));
  response = ask({{"max_tokens", nullptr}});
  CHECK(response.status == 400);
  CHECK(response.body ==
        anthropic_body("invalid_request_error", "Missing required parameter: 'max_tokens'."));
  response = ask({{"max_tokens", -1}});
  CHECK(response.body ==
        anthropic_body("invalid_request_error", range("max_tokens", "1", kMostTokens, "-1")));
  HttpClient first(fixture.server->port());
  Json streamed = good;
  streamed["stream"] = true;
  first.send_post("/v1/messages", streamed.dump(), "x-api-key: key\r\n");
  first.until("begin");
  response = ask(Json::object());
  CHECK(response.status == 429);
  CHECK(response.has("Retry-After: 1\r\n"));
  CHECK(response.body ==
        anthropic_body("rate_limit_error",
                       "The server is at its limit of waiting requests. Please retry later."));
}

TEST_CASE("a full queue is a 429 on every route that generates, also for a stream") {
  ServerFixture fixture(server_options(), 1);
  HttpClient first(fixture.server->port());
  first.send_post("/v1/chat/completions", ServerFixture::chat("hang", {{"stream", true}}).dump());
  first.until("begin");
  const std::vector<std::pair<std::string, Json>> requests = {
      {"/v1/chat/completions", ServerFixture::chat("hello", {{"stream", true}})},
      {"/v1/completions", {{"prompt", "x"}}},
      {"/v1/completions", {{"prompt", "x"}, {"stream", true}}},
      {"/v1/responses", {{"input", "x"}}},
      {"/v1/responses", {{"input", "x"}, {"stream", true}}}};
  for (const auto& [path, body] : requests) {
    INFO(path << " " << body.dump());
    const Response response = fixture.post(path, body);
    CHECK(response.status == 429);
    CHECK(response.has("Retry-After: 1\r\n"));
    CHECK(response.body ==
          body_of(429, "The server is at its limit of waiting requests. Please retry later.", nullptr));
  }
}

TEST_CASE("a model that is not there is a 404 on every route") {
  ServerFixture fixture;
  for (const auto& [path, body] :
       std::vector<std::pair<std::string, Json>>{{"/v1/completions", {{"prompt", "x"}}},
                                                 {"/v1/embeddings", {{"input", "x"}}},
                                                 {"/v1/responses", {{"input", "x"}}},
                                                 {"/tokenize", {{"prompt", "x"}}},
                                                 {"/detokenize", {{"tokens", {1}}}}}) {
    Json asked = body;
    asked["model"] = "nobody";
    const Response response = fixture.post(path, asked);
    CHECK(response.status == 404);
    CHECK(response.body == body_of(404, "The model `nobody` does not exist.", "model"));
  }
  CHECK(fixture.get("/v1/models/nobody").body == body_of(404, "The model `nobody` does not exist.", "model"));
}

TEST_CASE("bodies that are no JSON objects have their exact bodies, whatever the route") {
  ServerFixture fixture;
  HttpClient client(fixture.server->port());
  for (const char* path : {"/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/responses",
                           "/tokenize", "/detokenize", "/v1/load_lora_adapter"}) {
    const auto body = [&](const std::string& sent) { return client.post(path, sent).body; };
    CHECK(body("") == body_of(400, "The request has no body; expected a JSON object.", nullptr));
    CHECK(body("[]") == body_of(400, "The body must be a JSON object, but is an array.", nullptr));
    CHECK(body("\"\xC3\x28\"") == body_of(400, "The body is not valid UTF-8.", nullptr));
    CHECK(body(std::string(257, '{')) == body_of(400, "The body nests deeper than 256 levels.", nullptr));
    CHECK(Json::parse(body("{\"a\":"))["error"]["param"].is_null());
  }
}

TEST_CASE("faults of the adapters' routes have their exact bodies") {
  ServerFixture fixture;
  expect_400(fixture, "/v1/load_lora_adapter", {{"lora_name", "a"}, {"lora_path", "/nowhere"}},
             {{{{"lora_name", nullptr}}, "lora_name", "Missing required parameter: 'lora_name'."},
              {{{"lora_name", ""}}, "lora_name", "Invalid 'lora_name': it cannot be empty."},
              {{{"lora_name", "tiny"}}, "lora_name", "The name 'tiny' is the model's own."},
              {{{"lora_path", nullptr}}, "lora_path", "Missing required parameter: 'lora_path'."},
              {{{"lora_path", std::string("a\0b", 3)}}, "lora_path", "Invalid 'lora_path': it holds a NUL."},
              {Json::object(), "lora_path", "/nowhere: no such directory"}});
  CHECK(fixture.post("/v1/load_lora_adapter", {{"lora_name", "a"}, {"lora_path", "/x"}}).status == 200);
  CHECK(fixture.post("/v1/load_lora_adapter", {{"lora_name", "a"}, {"lora_path", "/x"}}).body ==
        body_of(400, "the adapter 'a' is already loaded", "lora_name"));
  const Response missing = fixture.post("/v1/unload_lora_adapter", {{"lora_name", "b"}});
  CHECK(missing.status == 404);
  CHECK(missing.body == body_of(404, "The lora adapter 'b' cannot be found.", "lora_name"));
}
