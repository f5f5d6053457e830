#include "config/decoding.h"

namespace swift::config {
namespace {

constexpr int64_t kGuesses = 4;  // of a model, for each sequence

template <class T>
void fill(Task& task, std::optional<T>& member, const std::string& key, T value) {
  if (member) return;
  member = value;
  task.origins.insert_or_assign(key, Origin::derived());
}

[[noreturn]] void refuse(const Task& task, const std::string& key, const std::string& message,
                         const std::string& hint) {
  const auto found = task.origins.find(key);
  throw base::Error(base::ExitCode::usage, message,
                    found == task.origins.end() ? base::Location{} : found->second.where, hint);
}

}  // namespace

void resolve_decoding(Task& task, std::vector<std::string>& warnings) {
  if (task.speculative_model && task.speculative_tokens == 0) {
    refuse(task, "speculative_tokens", "speculative_model needs speculative_tokens above 0",
           "leave speculative_tokens out, or leave speculative_model out");
  }
  if (task.speculative_model && task.base_url) {
    refuse(task, "speculative_model", "speculative_model and base_url exclude each other",
           "the server at base_url chooses how it generates");
  }
  if (task.deterministic == false) {
    warnings.push_back(
        "deterministic: false changes nothing on the CPU, where answers never depend on others");
  }
  fill(task, task.speculative_tokens, "speculative_tokens", task.speculative_model ? kGuesses : int64_t{0});
  fill(task, task.deterministic, "deterministic", true);
}

}  // namespace swift::config
