#include "infer/server/context.h"

#include <algorithm>
#include <chrono>
#include <random>

#include "base/log.h"
#include "base/rng.h"
#include "infer/server/api_error.h"

namespace swift::infer::server {

Ids::Ids() {
  std::random_device device;
  key_ = static_cast<uint64_t>(device()) << 32 | device();
}

uint64_t Ids::random_bits() {
  const uint64_t n = ++count_;
  const auto words = base::philox({static_cast<uint32_t>(n), static_cast<uint32_t>(n >> 32), 0, 0}, key_);
  return static_cast<uint64_t>(words[0]) << 32 | words[1];
}

std::string Ids::next(std::string_view prefix, size_t length) {
  static constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  std::string id(prefix);
  uint64_t bits = 0;
  for (size_t i = 0; i < length; ++i) {
    if (i % 10 == 0) bits = random_bits();
    id += kLetters[bits % kLetters.size()];
    bits /= kLetters.size();
  }
  return id;
}

Context::Context(const ServerOptions& given, Service& engine, const text::Tokenizer& words,
                 const PromptBuilder& builder, std::optional<text::ChatTemplate> jinja)
    : options(given),
      service(engine),
      tokenizer(words),
      prompts(builder),
      chat_template(std::move(jinja)),
      created(unix_time()),
      metrics(given.served_model_names.front()) {}

std::string Context::adapter_of(const std::optional<std::string>& model) const {
  if (!model || model->empty()) return {};
  const auto& names = options.served_model_names;
  if (std::find(names.begin(), names.end(), *model) != names.end()) return {};
  for (const Adapter& adapter : service.adapters()) {
    if (adapter.name == *model) return adapter.name;
  }
  throw ApiError(404, "The model `" + *model + "` does not exist.", "model");
}

void Context::warn_unknown(const std::vector<std::string>& fields) {
  constexpr size_t kRemembered = 1000;
  for (const std::string& field : fields) {
    const std::lock_guard lock(mutex_);
    if (warned_.size() >= kRemembered || !warned_.insert(field.substr(0, 100)).second) continue;
    base::log::warn("server: requests hold the unknown field '" + field.substr(0, 100) +
                    "', which does nothing");
  }
}

std::optional<std::string> Context::fault() const {
  if (!faulty_) return std::nullopt;
  const std::lock_guard lock(mutex_);
  return fault_;
}

void Context::set_fault(const std::string& message) {
  const std::lock_guard lock(mutex_);
  fault_ = message;
  faulty_ = true;
}

int64_t unix_time() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace swift::infer::server
