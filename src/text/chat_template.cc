#include "text/chat_template.h"

#include <algorithm>
#include <map>
#include <optional>

#include "base/file.h"
#include "text/jinja/template.h"

namespace swift::text {

struct ChatTemplate::Impl {
  jinja::Template standard;
  std::optional<jinja::Template> with_tools;
  base::Json special_tokens;
  Clock clock;
  std::string source;
};

namespace {

using base::Error;
using base::ExitCode;
namespace fs = std::filesystem;

struct Source {
  std::string text;
  std::string name;  // for errors
};
using Sources = std::map<std::string, Source>;  // by the template's name: default, tool_use …

std::tm system_clock() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  return local;
}

base::Json read_object(const fs::path& path) {
  if (!fs::exists(path)) return base::Json::object();
  base::Json json = base::read_json(path, ExitCode::model);
  if (!json.is_object()) throw Error(ExitCode::model, "expected a JSON object", {path.string()});
  return json;
}

[[noreturn]] void bad_entry(const fs::path& file) {
  throw Error(ExitCode::model, "\"chat_template\" must be a string or a list of {\"name\", \"template\"}",
              {file.string()});
}

// The value of "chat_template": a text, or texts with names.
Sources sources_of(const base::Json& entry, const fs::path& file) {
  Sources sources;
  const auto add = [&](const std::string& name, const base::Json& text) {
    if (!text.is_string()) bad_entry(file);
    const std::string label =
        file.string() + (name == "default" ? "[chat_template]" : "[chat_template:" + name + "]");
    sources[name] = Source{text.get<std::string>(), label};
  };
  if (entry.is_string()) {
    add("default", entry);
  } else if (entry.is_array()) {
    for (const base::Json& item : entry) {
      if (!item.is_object() || !item.contains("name") || !item.contains("template") ||
          !item["name"].is_string()) {
        bad_entry(file);
      }
      add(item["name"].get<std::string>(), item["template"]);
    }
  } else if (entry.is_object()) {
    for (const auto& [name, text] : entry.items()) add(name, text);
  } else if (!entry.is_null()) {
    bad_entry(file);
  }
  return sources;
}

Sources sources_in(const fs::path& directory, const base::Json& config) {
  Sources sources;
  const auto add_file = [&](const std::string& name, const fs::path& path) {
    if (fs::exists(path)) sources[name] = Source{base::read_file(path, ExitCode::model), path.string()};
  };
  add_file("default", directory / "chat_template.jinja");
  add_file("tool_use", directory / "chat_templates" / "tool_use.jinja");
  if (!sources.empty()) return sources;
  if (config.contains("chat_template")) {
    sources = sources_of(config["chat_template"], directory / "tokenizer_config.json");
  }
  if (!sources.empty()) return sources;
  const base::Json legacy = read_object(directory / "chat_template.json");
  if (legacy.contains("chat_template"))
    sources = sources_of(legacy["chat_template"], directory / "chat_template.json");
  return sources;
}

// Adds every "…_token" of a JSON object that is a text or an added token.
void add_tokens(const base::Json& from, base::Json& to) {
  const auto add = [&](const std::string& name, const base::Json& value) {
    if (value.is_string()) {
      to[name] = value;
    } else if (value.is_object() && value.contains("content") && value["content"].is_string()) {
      to[name] = value["content"];
    }
  };
  for (const auto& [name, value] : from.items()) {
    if (name.ends_with("_token")) add(name, value);
    if (name != "extra_special_tokens" || !value.is_object()) continue;
    for (const auto& [extra, token] : value.items()) add(extra, token);
  }
}

base::Json special_tokens_in(const fs::path& directory, const base::Json& config) {
  base::Json tokens = base::Json::object();
  add_tokens(config, tokens);
  // As in transformers, the older file counts only where the newer has no table of added tokens.
  if (!config.contains("added_tokens_decoder")) {
    add_tokens(read_object(directory / "special_tokens_map.json"), tokens);
  }
  return tokens;
}

}  // namespace

bool ChatTemplate::exists_in(const fs::path& directory) {
  return !sources_in(directory, read_object(directory / "tokenizer_config.json")).empty();
}

ChatTemplate ChatTemplate::from_directory(const fs::path& directory) {
  const base::Json config = read_object(directory / "tokenizer_config.json");
  const Sources sources = sources_in(directory, config);
  const auto standard = sources.find("default");
  if (standard == sources.end()) {
    std::string names;
    for (const auto& [name, source] : sources) names += (names.empty() ? "" : ", ") + name;
    throw Error(
        ExitCode::model,
        sources.empty() ? "the model directory has no chat template"
                        : "none of the chat templates is named \"default\" (found: " + names + ")",
        {directory.string()},
        "put a Jinja template into chat_template.jinja of that directory, or give one with --chat_template");
  }
  auto impl =
      std::make_shared<Impl>(Impl{jinja::Template(standard->second.text, standard->second.name), std::nullopt,
                                  special_tokens_in(directory, config), system_clock, standard->second.text});
  const auto with_tools = sources.find("tool_use");
  if (with_tools != sources.end()) impl->with_tools.emplace(with_tools->second.text, with_tools->second.name);
  ChatTemplate out;
  out.impl_ = std::move(impl);
  return out;
}

ChatTemplate ChatTemplate::from_source(const std::string& source, base::Json special_tokens,
                                       const std::string& name, Clock clock) {
  ChatTemplate out;
  out.impl_ =
      std::make_shared<Impl>(Impl{jinja::Template(source, name), std::nullopt, std::move(special_tokens),
                                  clock ? std::move(clock) : Clock(system_clock), source});
  return out;
}

std::string ChatTemplate::render(const base::Json& messages, const RenderOptions& options) const {
  const base::Json null = nullptr;
  const base::Json add_generation_prompt = options.add_generation_prompt;
  jinja::Variables variables = {{"messages", &messages},
                                {"tools", &options.tools},
                                {"documents", &null},
                                {"add_generation_prompt", &add_generation_prompt}};
  for (const base::Json* more : {&impl_->special_tokens, &options.variables}) {
    for (const auto& [name, value] : more->items()) variables.emplace_back(name, &value);
  }
  const bool tools = !options.tools.is_null() && impl_->with_tools;
  return (tools ? *impl_->with_tools : impl_->standard).render(variables, impl_->clock);
}

const base::Json& ChatTemplate::special_tokens() const {
  return impl_->special_tokens;
}

const std::string& ChatTemplate::source() const {
  return impl_->source;
}

}  // namespace swift::text
