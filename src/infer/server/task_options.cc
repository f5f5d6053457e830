#include "infer/server/task_options.h"

#include <cstdlib>
#include <filesystem>

#include "base/error.h"
#include "infer/server/auth.h"

namespace swift::infer::server {
namespace {

void add_words(std::vector<std::string>& keys, std::string_view text) {
  constexpr std::string_view kBetween = ", \t\r\n";
  for (size_t at = 0; (at = text.find_first_not_of(kBetween, at)) != std::string_view::npos;) {
    const size_t end = std::min(text.find_first_of(kBetween, at), text.size());
    keys.emplace_back(text.substr(at, end - at));
    at = end;
  }
}

std::vector<std::string> keys_of(const config::Task& task) {
  std::vector<std::string> keys = task.api_key;
  if (task.api_key_file) {
    for (std::string& key : read_key_file(*task.api_key_file)) keys.push_back(std::move(key));
  }
  if (const char* variable = std::getenv("SWIFT_API_KEY")) add_words(keys, variable);
  return keys;
}

std::vector<std::string> names_of(const config::Task& task) {
  if (!task.served_model_name.empty()) return task.served_model_name;
  const auto given = task.deploy.value.find("model_name");
  if (given != task.deploy.value.end() && given->is_string()) return {given->get<std::string>()};
  std::filesystem::path path(task.model);
  if (!path.has_filename()) path = path.parent_path();
  const std::string name = path.filename().string();
  return {name.empty() || name == "." ? std::string("model") : name};
}

std::optional<std::filesystem::path> adapter_directory(const config::Task& task) {
  if (!task.adapter_dir) return std::nullopt;
  std::error_code error;
  auto directory = std::filesystem::canonical(*task.adapter_dir, error);
  if (!error && std::filesystem::is_directory(directory, error)) return directory;
  throw base::Error(base::ExitCode::usage, "adapter_dir: '" + *task.adapter_dir + "' is not a directory", {},
                    "create it, or leave the setting out");
}

}  // namespace

ServerOptions options_of(const config::Task& task) {
  if (task.ssl_certfile.has_value() != task.ssl_keyfile.has_value()) {
    throw base::Error(base::ExitCode::usage, task.ssl_certfile ? "ssl_certfile needs ssl_keyfile"
                                                               : "ssl_keyfile needs ssl_certfile");
  }
  ServerOptions options;
  options.http.host = task.host;
  options.http.port = static_cast<uint16_t>(task.port);
  options.http.max_body_bytes = static_cast<uint64_t>(task.max_body_size) * 1024 * 1024;
  options.http.ssl_certfile = task.ssl_certfile;
  options.http.ssl_keyfile = task.ssl_keyfile;
  options.api_keys = keys_of(task);
  options.served_model_names = names_of(task);
  options.model_root = task.model;
  options.owned_by = task.owned_by;
  options.cors_origins = task.cors_origins;
  options.max_logprobs = task.max_logprobs;
  options.max_messages = task.max_messages;
  options.adapter_dir = adapter_directory(task);
  options.tool_call_parser = task.tool_call_parser;
  options.reasoning_parser = task.reasoning_parser;
  options.verbose = task.verbose;
  options.log_interval = std::chrono::seconds(task.log_interval);
  options.grace_period = std::chrono::milliseconds(static_cast<int64_t>(task.grace_period * 1000));
  return options;
}

}  // namespace swift::infer::server
