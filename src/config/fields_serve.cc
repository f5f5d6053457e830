#include "config/fields.h"

namespace swift::config {
namespace {

void decoding_fields(FieldList& v, Task& t) {
  v.group("Decoding", kInfer | kDeploy);
  v("speculative_tokens", &t.speculative_tokens, {.min = 0, .max = 64},
    "Tokens guessed ahead and checked in one pass; answers stay the same. 0: none; unset: 4 with "
    "speculative_model, else 0");
  v("speculative_model", &t.speculative_model, {},
    "Directory of a small model with the same tokens that guesses them; unset: from the text so far");
  v("deterministic", &t.deterministic, {},
    "A request gets the same tokens and log-probabilities alone and among others; always so on the CPU");
  v("cpu_act", &t.cpu_act, {.one_of = {"auto", "int8"}},
    "Activations in products with AWQ and GPTQ weights and an 8-bit head on the CPU; auto: torch_dtype; "
    "int8: rounded to 8 bits, faster");
  v("layout_cache", &t.layout_cache, {},
    "Keep quantized weights as the CPU's kernels read them in the model's directory (swift-layout.bin), so "
    "that it loads faster");
  v("lm_head_dtype", &t.lm_head_dtype, {.one_of = {"auto", "int8"}},
    "Type of the output head's weights; auto: the model's own; int8: rounded to 8 bits, half the memory to "
    "read");
}

}  // namespace

void serve_fields(FieldList& v, Task& t) {
  constexpr double kLargest = 1e9;
  v.group("Server", kDeploy);
  v("host", &t.host, {}, "Address to listen on; 0.0.0.0: every one of this machine");
  v("port", &t.port, {.min = 0, .max = 65535}, "Port to listen on; 0: any free one");
  v("served_model_name", &t.served_model_name, {},
    "Names that requests call the model by; unset: deploy.model_name, then the last part of model");
  v("owned_by", &t.owned_by, {}, "Owner of the model in /v1/models");
  v("api_key", &t.api_key, {.secret = true},
    "Keys that requests must bring one of; better in api_key_file or the variable SWIFT_API_KEY");
  v("api_key_file", &t.api_key_file, {}, "File of keys, one a line");
  v("ssl_certfile", &t.ssl_certfile, {}, "Certificate chain (PEM): serve HTTPS");
  v("ssl_keyfile", &t.ssl_keyfile, {}, "Private key (PEM) of ssl_certfile");
  v("cors_origins", &t.cors_origins, {}, "Web origins that browsers may call from; '*': every one");
  v("max_body_size", &t.max_body_size, {.min = 1, .max = 4096}, "Largest body of a request, MiB");
  v("max_messages", &t.max_messages, {.min = 1, .max = kLargest}, "Most messages of a conversation");
  v("grace_period", &t.grace_period, {.min = 0, .max = kLargest},
    "Seconds that open answers may take to finish once the server is asked to stop");
  v("verbose", &t.verbose, {}, "Log a line for each request");
  v("log_interval", &t.log_interval, {.min = 0, .max = kLargest},
    "Seconds between lines of statistics; 0: none");

  v.group("Serving", kDeploy);
  v("max_num_seqs", &t.max_num_seqs, {.min = 1, .max = kLargest}, "Answers generated at a time");
  v("max_num_batched_tokens", &t.max_num_batched_tokens, {.min = 1, .max = kLargest},
    "Tokens of one call of the model: prompt parts join while there is room");
  v("max_queue", &t.max_queue, {.min = 0, .max = kLargest},
    "Requests that may wait; those beyond get status 429");
  v("enable_prefix_caching", &t.enable_prefix_caching, {},
    "Keep the keys and values of prompts that may come again");
  v("kv_cache_dtype", &t.kv_cache_dtype, {.one_of = {"auto", "bfloat16", "float16", "int8"}},
    "Type of keys and values; auto: the model's own");
  v("kv_cache_memory", &t.kv_cache_memory, {.above = 0},
    "Memory for them in GiB; unset: a quarter of what is available");
  v("max_logprobs", &t.max_logprobs, {.min = 0, .max = 20},
    "Most alternatives a request may ask for each token");
  v("adapter_dir", &t.adapter_dir, {},
    "Directory whose adapters /v1/load_lora_adapter may load; unset: only clients on this machine may load "
    "any");
  v("tool_call_parser", &t.tool_call_parser,
    {.one_of = {"auto", "none", "hermes", "qwen", "qwen25", "qwen3", "llama3", "llama3_json", "mistral",
                "deepseek", "deepseek_v3", "deepseek_v31", "glm", "glm45", "pythonic"}},
    "Form of the model's tool calls; auto: by its chat template");
  v("reasoning_parser", &t.reasoning_parser, {.one_of = {"auto", "none", "think"}},
    "Whether <think>…</think> in an answer is reasoning; auto: by the chat template");
  decoding_fields(v, t);
}

}  // namespace swift::config
