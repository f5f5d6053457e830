#include "infer/settings.h"

#include <limits>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/file.h"

namespace swift::infer {
namespace {

using base::Json;

// Reads keys of generation_config.json; null counts as absent.
class GenerationConfig {
 public:
  explicit GenerationConfig(const Json& values) : values_(values) {
    if (!values.is_object() && !values.is_null()) fail("", "a JSON object");
  }
  std::optional<double> number(const char* key) const {
    const Json* value = find(key);
    if (value == nullptr) return std::nullopt;
    if (!value->is_number()) fail(key, "a number");
    return value->get<double>();
  }
  std::optional<int64_t> integer(const char* key) const {
    const Json* value = find(key);
    if (value == nullptr) return std::nullopt;
    if (!value->is_number_integer()) fail(key, "an integer");
    return value->get<int64_t>();
  }
  bool flag(const char* key) const {
    const Json* value = find(key);
    if (value == nullptr) return false;
    if (!value->is_boolean()) fail(key, "true or false");
    return value->get<bool>();
  }
  std::vector<int32_t> token_ids(const char* key) const {
    std::vector<int32_t> ids;
    const Json* value = find(key);
    if (value == nullptr) return ids;
    const auto add = [&](const Json& id) {
      if (!id.is_number_integer()) fail(key, "a token id or a list of them");
      const auto number = id.get<int64_t>();
      if (number < 0 || number > std::numeric_limits<int32_t>::max()) fail(key, "token ids from 0 up");
      ids.push_back(static_cast<int32_t>(number));
    };
    if (value->is_array()) {
      for (const Json& id : *value) add(id);
    } else {
      add(*value);
    }
    return ids;
  }

 private:
  const Json* find(const char* key) const {
    const auto found = values_.find(key);
    return found == values_.end() || found->is_null() ? nullptr : &*found;
  }
  [[noreturn]] static void fail(const std::string& key, const std::string& expected) {
    throw base::Error(base::ExitCode::model, (key.empty() ? "" : key + ": ") + "expected " + expected,
                      {"generation_config.json"});
  }
  const Json& values_;
};

}  // namespace

Settings resolve_settings(const config::Task& task, const Json& generation_config) {
  const GenerationConfig model(generation_config);
  Settings settings;
  SamplingParams& sampling = settings.sampling;
  const double sampled = model.flag("do_sample") ? model.number("temperature").value_or(1.0) : 0.0;
  sampling.temperature = task.temperature.value_or(sampled);
  const auto top_k = task.top_k ? task.top_k : model.integer("top_k");
  const auto top_p = task.top_p ? task.top_p : model.number("top_p");
  const auto min_p = task.min_p ? task.min_p : model.number("min_p");
  const auto penalty = task.repetition_penalty ? task.repetition_penalty : model.number("repetition_penalty");
  const auto max_new_tokens = task.max_new_tokens ? task.max_new_tokens : model.integer("max_new_tokens");
  sampling.top_k = top_k.value_or(0);
  sampling.top_p = top_p.value_or(1.0);
  sampling.min_p = min_p.value_or(0.0);
  sampling.repetition_penalty = penalty.value_or(1.0);
  sampling.max_new_tokens = max_new_tokens.value_or(kDefaultMaxNewTokens);
  sampling.seed = static_cast<uint64_t>(task.seed);
  sampling.stop = task.stop_words;
  sampling.ignore_eos = task.ignore_eos;
  sampling.logprobs = task.logprobs;
  sampling.top_logprobs = task.top_logprobs;
  validate(sampling);
  settings.eos_token_ids = model.token_ids("eos_token_id");
  return settings;
}

std::optional<std::string> system_text(const config::Task& task) {
  if (!task.system) return std::nullopt;
  if (task.system->ends_with(".txt") && task.system->find('\n') == std::string::npos) {
    return base::read_file(*task.system, base::ExitCode::usage);
  }
  std::string text;
  for (size_t i = 0; i < task.system->size(); ++i) {
    const bool line_break = task.system->compare(i, 2, "\\n") == 0;
    text += line_break ? '\n' : (*task.system)[i];
    i += line_break;
  }
  return text;
}

}  // namespace swift::infer
