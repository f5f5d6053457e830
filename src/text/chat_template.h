// Chat templates: the Jinja text of a model directory, rendered as transformers' apply_chat_template does.
#pragma once
#include <ctime>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "base/json.h"

namespace swift::text {

struct RenderOptions {
  bool add_generation_prompt = false;
  base::Json tools = nullptr;                   // null or an array of tool schemas
  base::Json variables = base::Json::object();  // further template variables (enable_thinking, documents …)
};

// Local time now, for the template function strftime_now.
using Clock = std::function<std::tm()>;

// Parsed once, rendered from any thread.
class ChatTemplate {
 public:
  // chat_template.jinja of the directory (with chat_templates/tool_use.jinja when tools are given), else
  // "chat_template" of tokenizer_config.json, else of chat_template.json. Of several named templates
  // "default" is taken, or "tool_use" when tools are given. bos_token, eos_token and the other special tokens
  // come from tokenizer_config.json and, where transformers reads it, special_tokens_map.json. Throws
  // base::Error(model) when there is no template or it is malformed.
  static ChatTemplate from_directory(const std::filesystem::path& directory);
  static bool exists_in(const std::filesystem::path& directory);
  // special_tokens: {"bos_token": "<s>", …}; name is used in errors; clock defaults to the system's.
  static ChatTemplate from_source(const std::string& source, base::Json special_tokens,
                                  const std::string& name, Clock clock = {});

  // Throws base::Error(data) with the template's line: raise_exception, undefined attribute, bad types.
  std::string render(const base::Json& messages, const RenderOptions& options = {}) const;
  const base::Json& special_tokens() const;
  // The Jinja text, of the template without tools where there are two.
  const std::string& source() const;

  struct Impl;

 private:
  std::shared_ptr<const Impl> impl_;
};

}  // namespace swift::text
