// What a server is told when it starts.
#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "infer/sampling_params.h"
#include "infer/server/http/listener.h"
#include "text/grammar/token_matcher.h"

namespace swift::infer::server {

// What an answer must be, as a request gives it.
struct Constraint {
  enum class Kind { json_schema, json_object, regex, choice, grammar };
  Kind kind = Kind::json_object;
  base::Json value;  // the schema, the pattern, the texts to choose from, the grammar
};

// A matcher for the constraint. Throws base::Error(usage), which becomes a 400. Called from several threads.
using GrammarCompiler = std::function<std::shared_ptr<const text::TokenMatcher>(const Constraint&)>;

struct ServerOptions {
  HttpOptions http;
  std::vector<std::string> api_keys;            // none: everyone may ask
  std::vector<std::string> served_model_names;  // at least one; the first is the model's main name
  std::string model_root;                       // what /v1/models calls `root`
  std::string owned_by = "swift";
  std::string version = "0";
  std::vector<std::string> cors_origins;  // none: no CORS; "*": any
  SamplingParams sampling;                // of requests that leave a field out
  std::optional<uint64_t> seed;           // of requests without one; none: differs from run to run
  int64_t max_logprobs = 20;
  int64_t max_n = 128;  // choices of a request
  int64_t max_messages = 10000;
  // Where /v1/load_lora_adapter may load from; none: from anywhere, but only for clients on this machine.
  std::optional<std::filesystem::path> adapter_dir;
  // Asked about once a second: what makes the model unfit to answer, or nothing. Then health, readiness and
  // every request are answered with 503.
  std::function<std::optional<std::string>()> fault;
  std::string tool_call_parser = "auto";  // a name of parsers/tools.h, "auto" or "none"
  std::string reasoning_parser = "auto";  // "think", "auto" or "none"
  std::string chat_template_source;       // text that "auto" looks at; empty: what the template renders
  GrammarCompiler compile_grammar;        // none: structured answers are refused with 400
  bool verbose = true;                    // a log line for each request
  std::chrono::seconds log_interval{20};  // between lines of statistics; 0: none
  std::chrono::milliseconds grace_period{30000};  // for open answers, once asked to stop
  std::chrono::milliseconds ping_interval{15000};
};

}  // namespace swift::infer::server
