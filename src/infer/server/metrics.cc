#include "infer/server/metrics.h"

#include <vector>

#include "base/format.h"

namespace swift::infer::server {

using base::cat;

namespace {

const std::vector<double> kFirstToken = {.001, .005, .01, .02, .04, .06, .08, .1, .25, .5,  .75,
                                         1,    2.5,  5,   7.5, 10,  20,  40,  80, 160, 640, 2560};
// vLLM's, and finer ones below 10 ms for small models.
const std::vector<double> kTokenLatency = {.001, .002, .004, .006, .008, .01, .025, .05, .075, .1, .15, .2,
                                           .3,   .4,   .5,   .75,  1,    2.5, 5,    7.5, 10,   20, 40,  80};
const std::vector<double> kRequest = {.3, .5, .8, 1,  1.5, 2,   2.5, 5,   10,   15,  20,
                                      30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680};
const std::vector<double> kTokens = {1,    2,    5,     10,    20,    50,     100,    200,    500,    1000,
                                     2000, 5000, 10000, 20000, 50000, 100000, 200000, 500000, 1000000};
const std::vector<double> kChoices = {1, 2, 5, 10, 20};

std::string escaped(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

// Writes every metric once under each of its two names.
class Exposition {
 public:
  template <class Lines>
  void family(std::string_view name, std::string_view type, std::string_view help, Lines lines) {
    for (const std::string_view prefix : {"swift_", "vllm:"}) {
      const std::string full = cat(prefix, name);
      text += cat("# HELP ", full, " ", help, "\n# TYPE ", full, " ", type, "\n");
      text += lines(full);
    }
  }
  std::string text;
};

}  // namespace

Metrics::Metrics(std::string model_name)
    : labels_("model_name=\"" + escaped(model_name) + "\""),
      time_to_first_token_(kFirstToken),
      inter_token_latency_(kTokenLatency),
      time_per_output_token_(kTokenLatency),
      e2e_latency_(kRequest),
      queue_time_(kRequest),
      inference_time_(kRequest),
      prefill_time_(kRequest),
      decode_time_(kRequest),
      prompt_tokens_(kTokens),
      generation_tokens_(kTokens),
      params_n_(kChoices),
      params_max_tokens_(kTokens) {
  for (const char* reason : {"stop", "length", "abort", "error"}) succeeded_[reason] = 0;
  for (const char* reason : {"queue_full", "stopping"}) rejected_[reason] = 0;
}

void Metrics::admission_rejected(const std::string& reason) {
  const std::lock_guard lock(mutex_);
  ++rejected_[reason];
}

void Metrics::asked(int64_t n, int64_t max_tokens) {
  params_n_.observe(static_cast<double>(n));
  params_max_tokens_.observe(static_cast<double>(max_tokens));
}

void Metrics::finished(const std::string& finished_reason, const Usage& usage, const RequestTimes& times) {
  ++finished_;
  {
    const std::lock_guard lock(mutex_);
    ++succeeded_[finished_reason];
  }
  e2e_latency_.observe(times.end);
  prompt_tokens_.observe(static_cast<double>(usage.prompt_tokens));
  generation_tokens_.observe(static_cast<double>(usage.completion_tokens));
  if (times.first_token < 0) return;
  queue_time_.observe(times.first_pass);
  inference_time_.observe(times.end - times.first_pass);
  prefill_time_.observe(times.first_token - times.first_pass);
  decode_time_.observe(times.end - times.first_token);
  if (usage.completion_tokens > 1) {
    time_per_output_token_.observe((times.end - times.first_token) /
                                   static_cast<double>(usage.completion_tokens - 1));
  }
}

namespace {

// Families of one line a label, under the labels that all of them carry.
struct Families {
  Exposition out;
  const std::string& labels;

  void value(std::string_view name, std::string_view type, std::string_view help, const auto& number) {
    out.family(name, type, help,
               [&](const std::string& full) { return cat(full, "{", labels, "} ", number, "\n"); });
  }
  void counts(std::string_view name, std::string_view label, std::string_view help,
              const std::map<std::string, uint64_t>& by) {
    out.family(name, "counter", help, [&](const std::string& full) {
      std::string lines;
      for (const auto& [key, count] : by)
        lines += cat(full, "{", labels, ",", label, "=\"", escaped(key), "\"} ", count, "\n");
      return lines;
    });
  }
  void histogram(std::string_view name, std::string_view help, const Histogram& h) {
    out.family(name, "histogram", help, [&](const std::string& full) { return h.text(full, labels); });
  }
};

// What the engine counts itself.
void write_engine(Families& f, const EngineStats& stats, const std::vector<Adapter>& adapters) {
  const double used =
      stats.blocks > 0 ? static_cast<double>(stats.blocks_used) / static_cast<double>(stats.blocks) : 0;
  f.value("num_requests_running", "gauge", "Requests in the running batch.", stats.running);
  f.value("num_requests_waiting", "gauge", "Requests that wait for a place.", stats.waiting);
  f.value("kv_cache_usage_perc", "gauge", "Share of the key/value cache in use, 0 to 1.",
          base::shortest(used));
  std::string names;
  for (const Adapter& adapter : adapters) names += (names.empty() ? "" : ",") + adapter.name;
  f.out.family("lora_requests_info", "gauge", "Adapters that are loaded.", [&](const std::string& full) {
    return cat(full, "{", f.labels, ",running_lora_adapters=\"", escaped(names), "\"} 1\n");
  });
  f.value("prompt_tokens_total", "counter", "Prompt tokens computed or found.", stats.prompt_tokens);
  f.value("generation_tokens_total", "counter", "Tokens generated.", stats.generation_tokens);
  f.value("prefix_cache_queries_total", "counter", "Prompt tokens looked up in the prefix cache.",
          stats.prefix_queries);
  f.value("prefix_cache_hits_total", "counter", "Prompt tokens found in the prefix cache.",
          stats.prefix_hits);
  f.value("num_preemptions_total", "counter", "Requests put back to the queue.", stats.preemptions);
  f.value("spec_decode_num_drafts_total", "counter", "Times that tokens were proposed for a request.",
          stats.drafts);
  f.value("spec_decode_num_draft_tokens_total", "counter", "Tokens proposed by speculation.", stats.drafted);
  f.value("spec_decode_num_accepted_tokens_total", "counter", "Proposed tokens that were kept.",
          stats.accepted);
  f.value("engine_steps_total", "counter", "Calls of the model.", stats.steps);
  const std::vector<double> bounds(PassTokens::kBounds.begin(), PassTokens::kBounds.end());
  f.out.family("iteration_tokens_total", "histogram", "Tokens of a call of the model.",
               [&](const std::string& full) {
                 return histogram_text(full, f.labels, bounds, stats.pass_tokens.counts,
                                       static_cast<double>(stats.pass_tokens.sum));
               });
}

}  // namespace

std::string Metrics::text(const EngineStats& stats, const std::vector<Adapter>& adapters) const {
  Families f{{}, labels_};
  write_engine(f, stats, adapters);
  {
    const std::lock_guard lock(mutex_);
    f.counts("request_success_total", "finished_reason", "Requests that ended.", succeeded_);
    f.counts("admission_rejections_total", "reason", "Requests that were turned away.", rejected_);
  }
  f.histogram("time_to_first_token_seconds", "From arrival to the first token.", time_to_first_token_);
  f.histogram("inter_token_latency_seconds", "Between two tokens of an answer.", inter_token_latency_);
  f.histogram("request_time_per_output_token_seconds", "Mean time per token behind the first.",
              time_per_output_token_);
  f.histogram("e2e_request_latency_seconds", "From arrival to the end.", e2e_latency_);
  f.histogram("request_queue_time_seconds", "From arrival to the first call of the model.", queue_time_);
  f.histogram("request_inference_time_seconds", "From the first call of the model to the end.",
              inference_time_);
  f.histogram("request_prefill_time_seconds", "From the first call of the model to the first token.",
              prefill_time_);
  f.histogram("request_decode_time_seconds", "From the first token to the end.", decode_time_);
  f.histogram("request_prompt_tokens", "Prompt tokens of a request.", prompt_tokens_);
  f.histogram("request_generation_tokens", "Tokens of an answer.", generation_tokens_);
  f.histogram("request_params_n", "Choices a request asks for.", params_n_);
  f.histogram("request_params_max_tokens", "Longest answer a request asks for.", params_max_tokens_);
  return f.out.text;
}

}  // namespace swift::infer::server
