// What /metrics shows: every figure that dashboards ask for, under both names, and what it counts.
#include "infer/server/metrics.h"

#include "collect.h"
#include "infer/engine_service.h"
#include "server_fixture.h"

using namespace swift;
using namespace swift::infer;
using fake::bytes;
using server::Metrics;

namespace {

// Names and types of vLLM's figures that its dashboards read; a label where there is one beside the model's
// name.
struct Figure {
  std::string name, type, label;
};
const std::vector<Figure> kFigures = {
    {"num_requests_running", "gauge", ""},
    {"num_requests_waiting", "gauge", ""},
    {"kv_cache_usage_perc", "gauge", ""},
    {"lora_requests_info", "gauge", "running_lora_adapters"},
    {"prompt_tokens_total", "counter", ""},
    {"generation_tokens_total", "counter", ""},
    {"prefix_cache_queries_total", "counter", ""},
    {"prefix_cache_hits_total", "counter", ""},
    {"num_preemptions_total", "counter", ""},
    {"request_success_total", "counter", "finished_reason"},
    {"admission_rejections_total", "counter", "reason"},
    {"spec_decode_num_drafts_total", "counter", ""},
    {"spec_decode_num_draft_tokens_total", "counter", ""},
    {"spec_decode_num_accepted_tokens_total", "counter", ""},
    {"time_to_first_token_seconds", "histogram", ""},
    {"inter_token_latency_seconds", "histogram", ""},
    {"request_time_per_output_token_seconds", "histogram", ""},
    {"e2e_request_latency_seconds", "histogram", ""},
    {"request_queue_time_seconds", "histogram", ""},
    {"request_inference_time_seconds", "histogram", ""},
    {"request_prefill_time_seconds", "histogram", ""},
    {"request_decode_time_seconds", "histogram", ""},
    {"iteration_tokens_total", "histogram", ""},
    {"request_prompt_tokens", "histogram", ""},
    {"request_generation_tokens", "histogram", ""},
    {"request_params_n", "histogram", ""},
    {"request_params_max_tokens", "histogram", ""},
};

bool has(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line) != std::string::npos;
}

}  // namespace

TEST_CASE("every figure that dashboards read is there, with its type, under both names") {
  const std::string text = Metrics("tiny").text({}, {});
  for (const Figure& figure : kFigures) {
    for (const char* prefix : {"swift_", "vllm:"}) {
      const std::string name = prefix + figure.name;
      CAPTURE(name);
      CHECK(has(text, "# HELP " + name + " "));
      CHECK(has(text, "# TYPE " + name + " " + figure.type + "\n"));
      if (figure.type == "histogram") {
        CHECK(has(text, name + "_bucket{model_name=\"tiny\",le=\"+Inf\"} 0\n"));
        CHECK(has(text, name + "_sum{model_name=\"tiny\"} 0\n"));
        CHECK(has(text, name + "_count{model_name=\"tiny\"} 0\n"));
      } else {
        CHECK(has(text, name + "{model_name=\"tiny\"" +
                            (figure.label.empty() ? "} " : "," + figure.label + "=\"")));
      }
    }
  }
}

TEST_CASE("latencies fall into vLLM's buckets, tokens into finer ones below ten milliseconds") {
  Metrics metrics("tiny");
  metrics.first_token(0.0005);
  metrics.next_token(0.005);
  metrics.finished("stop", {.prompt_tokens = 30, .completion_tokens = 11},
                   {.first_pass = 0.25, .first_token = 1.25, .end = 11.25});
  metrics.finished("abort", {}, {.end = 3});  // while it waited
  const std::string text = metrics.text({}, {});
  const auto line = [&](const std::string& rest) { return has(text, "vllm:" + rest + "\n"); };
  const std::string model = "{model_name=\"tiny\"";
  CHECK(line("time_to_first_token_seconds_bucket" + model + ",le=\"0.001\"} 1"));
  CHECK(line("time_to_first_token_seconds_bucket" + model + ",le=\"2560\"} 1"));
  CHECK(line("inter_token_latency_seconds_bucket" + model + ",le=\"0.004\"} 0"));
  CHECK(line("inter_token_latency_seconds_bucket" + model + ",le=\"0.006\"} 1"));
  CHECK(line("e2e_request_latency_seconds_bucket" + model + ",le=\"2.5\"} 0"));
  CHECK(line("e2e_request_latency_seconds_bucket" + model + ",le=\"5\"} 1"));
  CHECK(line("e2e_request_latency_seconds_sum" + model + "} 14.25"));
  CHECK(line("request_queue_time_seconds_sum" + model + "} 0.25"));
  CHECK(line("request_queue_time_seconds_count" + model + "} 1"));
  CHECK(line("request_inference_time_seconds_sum" + model + "} 11"));
  CHECK(line("request_prefill_time_seconds_sum" + model + "} 1"));
  CHECK(line("request_decode_time_seconds_sum" + model + "} 10"));
  CHECK(line("request_time_per_output_token_seconds_sum" + model + "} 1"));
  CHECK(line("request_success_total" + model + ",finished_reason=\"abort\"} 1"));
}

TEST_CASE("the engine counts the tokens of its passes, and how long a request has run") {
  fake::Model model(fake::answering("?", "abc"));
  double now = 0;
  Engine engine(
      model, fake::tokenizer(),
      {.eos_token_ids = {fake::kEnd}, .scheduler = {.max_num_seqs = 1}, .now = [&now] { return now; }});
  for (uint64_t id = 0; id < 2; ++id)
    engine.add({.id = id, .prompt = bytes("what is it?"), .params = {.temperature = 0}});
  std::map<uint64_t, std::vector<double>> seconds;
  while (!engine.idle()) {
    model.on_forward = [&now] { now += 2; };
    for (const Event& event : engine.step()) seconds[event.id].push_back(event.running_seconds);
  }
  // Both took four passes; that the second waited eight seconds for the first is not its running time.
  CHECK(seconds[0] == std::vector<double>{2, 4, 6, 8});
  CHECK(seconds[1] == std::vector<double>{2, 4, 6, 8});
  const PassTokens& passes = engine.stats().pass_tokens;
  CHECK(passes.counts[0] == 6);  // of one token
  CHECK(passes.sum == 6 + 11 + 11 - engine.stats().prefix_hits);
  Metrics metrics("tiny");
  const std::string text = metrics.text(engine.stats(), {});
  CHECK(has(text, "swift_iteration_tokens_total_bucket{model_name=\"tiny\",le=\"1\"} 6\n"));
  CHECK(has(text, "swift_iteration_tokens_total_count{model_name=\"tiny\"} 8\n"));
}

TEST_CASE("time in the queue is what passed before the engine began") {
  // The scripted engine says nothing of its running time, so that all of the time to the first token counts
  // as waiting; what matters is that the parts add up.
  fake::ServerFixture fixture;
  fixture.post("/v1/chat/completions", fake::ServerFixture::chat("hello"));
  const std::string text = fixture.get("/metrics").body;
  const auto figure = [&](const std::string& name) {
    const std::string head = "\nswift_" + name + "{model_name=\"tiny\"} ";
    const size_t at = text.find(head);
    REQUIRE(at != std::string::npos);
    return std::stod(text.substr(at + head.size()));
  };
  CHECK(figure("request_queue_time_seconds_sum") + figure("request_inference_time_seconds_sum") ==
        Approx(figure("e2e_request_latency_seconds_sum")));
  CHECK(figure("request_prefill_time_seconds_sum") + figure("request_decode_time_seconds_sum") ==
        Approx(figure("request_inference_time_seconds_sum")));
  CHECK(figure("request_prefill_time_seconds_sum") == Approx(0).margin(1e-9));
}
