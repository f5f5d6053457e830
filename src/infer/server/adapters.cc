// POST /v1/load_lora_adapter and /v1/unload_lora_adapter, as vLLM has them.
#include <algorithm>
#include <filesystem>

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

bool from_this_machine(const HttpRequest& request) {
  const std::string& peer = request.peer;
  if (!peer.starts_with("127.") && peer != "::1" && !peer.starts_with("::ffff:127.")) return false;
  // What a proxy or a page in a browser sends on behalf of somebody else.
  constexpr std::string_view kOthers[] = {"forwarded", "x-forwarded-for", "x-real-ip", "via", "origin"};
  return std::none_of(std::begin(kOthers), std::end(kOthers),
                      [&](std::string_view name) { return request.header(name).has_value(); });
}

// These routes read paths that a client names and change what others are answered.
void require_permission(const Context& context, const HttpRequest& request) {
  if (context.options.adapter_dir || from_this_machine(request)) return;
  throw ApiError(403,
                 "Adapters are loaded and unloaded over the network only when the server is started with "
                 "adapter_dir, the directory that holds them.");
}

// The directory that a path of a request means. Throws ApiError(400) when it lies outside of adapter_dir.
std::filesystem::path directory_of(const Context& context, const std::string& path, const Fields& fields) {
  namespace fs = std::filesystem;
  if (path.find('\0') != std::string::npos) fields.fail("lora_path", "Invalid 'lora_path': it holds a NUL.");
  const auto& root = context.options.adapter_dir;
  if (!root) return path;
  std::error_code error;
  const fs::path inside = fs::canonical(*root / path, error);
  const bool below =
      !error && std::mismatch(root->begin(), root->end(), inside.begin(), inside.end()).first == root->end();
  if (!below) fields.fail("lora_path", "Invalid 'lora_path': there is no such directory in adapter_dir.");
  return inside;
}

}  // namespace

void load_lora_adapter(Context& context, const ExchangePtr& exchange) {
  require_permission(context, exchange->request());
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
  const std::filesystem::path directory = directory_of(context, path, fields);
  try {
    context.service.load_adapter({name, directory});
  } catch (const base::Error& error) {
    const bool asked = error.code() == base::ExitCode::model || error.code() == base::ExitCode::usage ||
                       error.code() == base::ExitCode::data;
    const std::string& file = error.where().file;
    throw ApiError(asked ? 400 : 500, (file.empty() ? "" : file + ": ") + error.message(),
                   error.code() == base::ExitCode::usage ? "lora_name" : "lora_path");
  }
  respond_text(*exchange, "Success: LoRA adapter '" + name + "' added successfully.");
}

void unload_lora_adapter(Context& context, const ExchangePtr& exchange) {
  require_permission(context, exchange->request());
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
