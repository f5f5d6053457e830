// POST /v1/load_lora_adapter and /v1/unload_lora_adapter, as vLLM has them.
#include <algorithm>

#include "base/error.h"
#include "infer/server/fields.h"
#include "infer/server/routes.h"

namespace swift::infer::server {

using base::Json;

namespace {

void respond_text(Exchange& exchange, std::string text) {
  exchange.respond({.content_type = "text/plain; charset=utf-8", .body = std::move(text)});
}

std::string required_text(Fields& fields, std::string_view key) {
  fields.require(key);
  const std::string text = *fields.text(key);
  if (text.empty()) fields.fail(key, "Invalid '" + std::string(key) + "': it cannot be empty.");
  return text;
}

}  // namespace

void load_lora_adapter(Context& context, const ExchangePtr& exchange) {
  const Json body = parse_body(exchange->request().body);
  Fields fields(body);
  const std::string name = required_text(fields, "lora_name");
  const std::string path = required_text(fields, "lora_path");
  fields.ignore({"base_model_name"});
  context.warn_unknown(fields.unknown());
  const auto& names = context.options.served_model_names;
  if (std::find(names.begin(), names.end(), name) != names.end()) {
    fields.fail("lora_name", "The name '" + name + "' is the model's own.");
  }
  try {
    context.service.load_adapter({name, path});
  } catch (const base::Error& error) {
    const bool asked = error.code() == base::ExitCode::model || error.code() == base::ExitCode::usage ||
                       error.code() == base::ExitCode::data;
    throw ApiError(asked ? 400 : 500, error.what(),
                   error.code() == base::ExitCode::usage ? "lora_name" : "lora_path");
  }
  respond_text(*exchange, "Success: LoRA adapter '" + name + "' added successfully.");
}

void unload_lora_adapter(Context& context, const ExchangePtr& exchange) {
  const Json body = parse_body(exchange->request().body);
  Fields fields(body);
  const std::string name = required_text(fields, "lora_name");
  fields.ignore({"lora_int_id"});
  context.warn_unknown(fields.unknown());
  if (!context.service.unload_adapter(name)) {
    throw ApiError(404, "The lora adapter '" + name + "' cannot be found.", "lora_name");
  }
  respond_text(*exchange, "Success: LoRA adapter '" + name + "' removed successfully.");
}

}  // namespace swift::infer::server
