#include <cmath>

#include "server_fixture.h"

using namespace swift;
using namespace swift::infer;
using namespace swift::infer::fake;
using base::Json;

TEST_CASE("completions of several prompts, with echo and log-probabilities") {
  ServerFixture fixture;
  const Json request = {
      {"model", "tiny"}, {"prompt", {"ab", "c"}}, {"n", 2}, {"echo", true}, {"logprobs", 1}};
  const Json body = Json::parse(fixture.post("/v1/completions", request).body);
  CHECK(body["object"] == "text_completion");
  REQUIRE(body["choices"].size() == 4);
  CHECK(body["choices"][0]["text"] == "abYou said: ab");
  CHECK(body["choices"][3]["index"] == 3);
  CHECK(body["choices"][3]["text"] == "cYou said: c");
  const Json& logprobs = body["choices"][0]["logprobs"];
  CHECK(logprobs["tokens"][0] == "a");
  CHECK(logprobs["token_logprobs"][0].is_null());
  CHECK(logprobs["token_logprobs"][1] == -0.5);
  CHECK(logprobs["top_logprobs"][1] == Json({{"b", -0.5}}));
  CHECK(logprobs["text_offset"][3] == 3);
  CHECK(logprobs["tokens"].size() == logprobs["text_offset"].size());
  CHECK(body["usage"]["prompt_tokens"] == 3);
}

TEST_CASE("completions have 16 tokens unless told, and take ids") {
  ServerFixture fixture;
  Json body = Json::parse(fixture.post("/v1/completions", {{"prompt", "a long prompt to repeat"}}).body);
  CHECK(body["choices"][0]["finish_reason"] == "length");
  CHECK(body["usage"]["completion_tokens"] == 16);
  REQUIRE(fixture.post("/v1/completions", {{"prompt", {104, 105}}}).status == 200);
  CHECK(fixture.service.last_request().prompt == bytes("hi"));
  CHECK(fixture.post("/v1/completions", {{"prompt", {9999}}}).status == 400);
  CHECK(fixture.post("/v1/completions", {{"prompt", "a"}, {"suffix", "b"}}).status == 400);
  body = Json::parse(
      fixture.post("/v1/completions", {{"prompt", "ab"}, {"echo", true}, {"max_tokens", 0}, {"logprobs", 0}})
          .body);
  CHECK(body["choices"][0]["text"] == "ab");
  CHECK(body["choices"][0]["logprobs"]["tokens"] == Json({"a", "b"}));
}

TEST_CASE("completions stream") {
  ServerFixture fixture;
  const Response response = fixture.post("/v1/completions", {{"prompt", "x"}, {"stream", true}});
  std::string text;
  for (const Json& event : sse_events(response.body)) text += event["choices"][0]["text"].get<std::string>();
  CHECK(text == "You said: x");
  CHECK(response.body.ends_with("data: [DONE]\n\n"));
}

TEST_CASE("embeddings as numbers or in base64") {
  ServerFixture fixture;
  Json body = Json::parse(fixture.post("/v1/embeddings", {{"input", {"abc", "d"}}}).body);
  CHECK(body["data"][0]["embedding"] == Json({3.0, 0.5, -1.0, 2.0}));
  CHECK(body["data"][1]["index"] == 1);
  CHECK(body["usage"] == Json({{"prompt_tokens", 4}, {"total_tokens", 4}}));
  body = Json::parse(fixture.post("/v1/embeddings", {{"input", "abc"}, {"encoding_format", "base64"}}).body);
  CHECK(body["data"][0]["embedding"] == "AABAQAAAAD8AAIC/AAAAQA==");
  const Json short_one = {{"input", "abc"}, {"dimensions", 2}};
  body = Json::parse(fixture.post("/v1/embeddings", short_one).body);
  const auto vector = body["data"][0]["embedding"].get<std::vector<double>>();
  REQUIRE(vector.size() == 2);  // the first two, of length 1 again
  CHECK(vector[0] == Approx(3 / std::hypot(3, 0.5)));
  CHECK(vector[1] == Approx(0.5 / std::hypot(3, 0.5)));
}

TEST_CASE("embeddings are those of the adapter that the request names") {
  ServerFixture fixture;
  fixture.post("/v1/load_lora_adapter", {{"lora_name", "support"}, {"lora_path", "/adapters/support"}});
  const Json body =
      Json::parse(fixture.post("/v1/embeddings", {{"model", "support"}, {"input", "abc"}}).body);
  CHECK(body["data"][0]["embedding"] == Json({3.0, 0.5, 7.0, 2.0}));
  CHECK(body["model"] == "support");
  CHECK(fixture.post("/v1/embeddings", {{"model", "nobody"}, {"input", "abc"}}).status == 404);
}

TEST_CASE("text to tokens and back") {
  ServerFixture fixture;
  Json body = Json::parse(fixture.post("/tokenize", {{"prompt", "hi"}, {"return_token_strs", true}}).body);
  CHECK(body == Json::parse(R"({"count":2,"max_model_len":4096,"tokens":[104,105],"token_strs":["h","i"]})"));
  CHECK(fixture.post("/detokenize", {{"tokens", {104, 105}}}).body == R"({"prompt":"hi"})");
  CHECK(fixture.post("/detokenize", {{"tokens", {-1}}}).status == 400);
  body = Json::parse(fixture.post("/tokenize", ServerFixture::chat("hello")).body);
  CHECK(body["count"] == 23);
}

TEST_CASE("adapters come and go while the server runs") {
  ServerFixture fixture;
  CHECK(fixture.post("/v1/load_lora_adapter", {{"lora_name", "a1"}, {"lora_path", "/adapters/a1"}}).body ==
        "Success: LoRA adapter 'a1' added successfully.");
  const Json models = Json::parse(fixture.get("/v1/models").body);
  CHECK(models["data"][2]["id"] == "a1");
  CHECK(models["data"][2]["parent"] == "tiny");
  REQUIRE(fixture.post("/v1/chat/completions", ServerFixture::chat("hello", {{"model", "a1"}})).status ==
          200);
  CHECK(fixture.service.last_request().adapter == "a1");
  CHECK(fixture.post("/v1/load_lora_adapter", {{"lora_name", "a1"}, {"lora_path", "/x"}}).status == 400);
  CHECK(fixture.post("/v1/load_lora_adapter", {{"lora_name", "b"}, {"lora_path", "/nowhere"}}).status == 400);
  CHECK(fixture.post("/v1/unload_lora_adapter", {{"lora_name", "a1"}}).status == 200);
  CHECK(fixture.post("/v1/unload_lora_adapter", {{"lora_name", "a1"}}).status == 404);
}

TEST_CASE("the Responses API, whole and as events") {
  ServerFixture fixture;
  Json request = {{"model", "tiny"}, {"input", "hello"}, {"instructions", "be kind"}};
  const Json body = Json::parse(fixture.post("/v1/responses", request).body);
  CHECK(body["object"] == "response");
  CHECK(body["status"] == "completed");
  CHECK(body["output"][0]["type"] == "message");
  CHECK(body["output"][0]["content"][0]["text"] == "Hello w\xC3\xB6rld");
  CHECK(text_of(fixture.service.last_request().prompt).starts_with("<|im_start|>system:be kind"));
  request["input"] = "weather";
  request["stream"] = true;
  request["tools"] =
      Json::array({Json{{"type", "function"}, {"name", "get_weather"}, {"parameters", nullptr}}});
  std::vector<std::string> types;
  std::string arguments;
  int64_t sequence = 0;
  for (const Json& event : sse_events(fixture.post("/v1/responses", request).body)) {
    CHECK(event["sequence_number"] == sequence++);
    if (types.empty() || types.back() != event["type"]) types.push_back(event["type"]);
    if (event["type"] == "response.function_call_arguments.delta")
      arguments += event["delta"].get<std::string>();
  }
  CHECK(types == std::vector<std::string>{
                     "response.created", "response.in_progress", "response.output_item.added",
                     "response.content_part.added", "response.output_text.delta", "response.output_text.done",
                     "response.content_part.done", "response.output_item.done", "response.output_item.added",
                     "response.function_call_arguments.delta", "response.function_call_arguments.done",
                     "response.output_item.done", "response.completed"});
  CHECK(arguments == "{\"city\": \"Paris\"}");
}

TEST_CASE("Anthropic's Messages API, whole and as events") {
  ServerFixture fixture;
  Json request = ServerFixture::chat("hello", {{"max_tokens", 100}, {"system", "be kind"}});
  Json body = Json::parse(fixture.post("/v1/messages", request).body);
  CHECK(body["type"] == "message");
  CHECK(body["content"] == Json::parse(R"([{"type":"text","text":"Hello wörld"}])"));
  CHECK(body["stop_reason"] == "end_turn");
  CHECK(body["usage"]["output_tokens"] == 12);
  request = ServerFixture::chat("weather", {{"max_tokens", 100}});
  request["tools"] = Json::array({Json{{"name", "get_weather"}, {"input_schema", {{"type", "object"}}}}});
  body = Json::parse(fixture.post("/v1/messages", request).body);
  CHECK(body["stop_reason"] == "tool_use");
  CHECK(body["content"][1]["input"] == Json({{"city", "Paris"}}));
  request["stream"] = true;
  const Response response = fixture.post("/v1/messages", request);
  CHECK(response.body.starts_with("event: message_start\n"));
  CHECK(response.body.find("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n") !=
        std::string::npos);
  request.erase("max_tokens");
  CHECK(
      fixture.post("/v1/messages", request).body ==
      R"({"type":"error","error":{"type":"invalid_request_error","message":"Missing required parameter: 'max_tokens'."}})");
  CHECK(fixture.post("/v1/messages/count_tokens", ServerFixture::chat("hello")).body ==
        R"({"input_tokens":23})");
}

TEST_CASE("metrics have both names") {
  ServerFixture fixture;
  fixture.post("/v1/chat/completions", ServerFixture::chat("hello"));
  const std::string text = fixture.get("/metrics").body;
  for (const char* line : {"swift_num_requests_waiting{model_name=\"tiny\"} 3\n",
                           "vllm:num_requests_waiting{model_name=\"tiny\"} 3\n",
                           "swift_request_success_total{model_name=\"tiny\",finished_reason=\"stop\"} 1\n",
                           "vllm:time_to_first_token_seconds_count{model_name=\"tiny\"} 1\n",
                           "swift_kv_cache_usage_perc{model_name=\"tiny\"} 0.5\n"}) {
    CHECK(text.find(line) != std::string::npos);
  }
}
