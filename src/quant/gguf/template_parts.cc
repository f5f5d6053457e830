#include <algorithm>
#include <array>

#include "base/error.h"
#include "quant/gguf/modelfile.h"

namespace swift::quant::gguf {
namespace {

using base::Json;

// Texts that no template contains.
constexpr std::array<const char*, 6> kTexts = {"Zqsystem", "Zqask", "Zqreply", "Zqmore", "Zqagain", "Zqlast"};

struct Message {
  const char* role;
  const char* text;
};
using Conversation = std::vector<Message>;

Json json_of(const Conversation& conversation) {
  Json messages = Json::array();
  for (const Message& message : conversation)
    messages.push_back({{"role", message.role}, {"content", message.text}});
  return messages;
}

Conversation conversation(bool system, int turns) {
  Conversation found;
  if (system) found.push_back({"system", kTexts[0]});
  for (int i = 0; i < turns; ++i) found.push_back({i % 2 == 0 ? "user" : "assistant", kTexts[1 + i]});
  return found;
}

// What stands between the texts of a conversation, in order; one more than there are texts, or nothing when
// a text is not there once.
std::vector<std::string> between(const std::string& rendered, const Conversation& conversation) {
  std::vector<std::string> parts;
  size_t from = 0;
  for (const Message& message : conversation) {
    const size_t at = rendered.find(message.text, from);
    if (at == std::string::npos) return {};
    parts.push_back(rendered.substr(from, at - from));
    from = at + std::string_view(message.text).size();
  }
  parts.push_back(rendered.substr(from));
  return parts;
}

size_t common_prefix(const std::string& a, const std::string& b) {
  return static_cast<size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
}

size_t common_suffix(const std::string& a, const std::string& b) {
  return static_cast<size_t>(std::mismatch(a.rbegin(), a.rend(), b.rbegin(), b.rend()).first - a.rbegin());
}

std::string without_end(const std::string& text, size_t length) {
  return text.substr(0, text.size() - length);
}

class Finder {
 public:
  Finder(const text::ChatTemplate& chat, const Json& variables) : chat_(chat), variables_(variables) {
    const std::string bos = chat.special_tokens().value("bos_token", "");
    if (render(conversation(false, 1), true).starts_with(bos)) start_ = bos;
  }

  std::optional<TemplateParts> run() const {
    const Conversation both = conversation(true, 1), three = conversation(false, 3),
                       plain = conversation(false, 1);
    const auto with_system = between(render(both, true), both), open = between(render(both, false), both);
    const auto turns = between(render(three, true), three), alone = between(render(plain, true), plain);
    if (with_system.empty() || open.empty() || turns.empty() || alone.empty()) return std::nullopt;
    TemplateParts parts;
    // Some templates end a conversation without an answer differently.
    const bool plain_end = with_system[2].starts_with(open[2]) && turns[1].starts_with(open[2]);
    const size_t after = plain_end ? open[2].size() : common_prefix(with_system[2], turns[1]);
    parts.user.after = turns[1].substr(0, after);
    parts.answer = with_system[2].substr(after);
    parts.assistant.before = turns[1].substr(after);
    const size_t before = size_before_user(parts.user.after, with_system[1], turns[2], alone[0]);
    parts.user.before = alone[0].substr(alone[0].size() - before);
    parts.system.after = without_end(with_system[1], before);
    parts.assistant.after = without_end(turns[2], before);
    parts.system.before = with_system[0];
    parts.default_system = without_end(alone[0], before);
    if (!explains(parts)) return std::nullopt;
    parts.start = start_;
    return parts;
  }

 private:
  // Bytes before a user's text that belong to it, of those after a system's, after an answer and at the
  // start: what remains when answers end as questions do, else all that the three have in common.
  static size_t size_before_user(const std::string& question_end, const std::string& after_system,
                                 const std::string& after_answer, const std::string& at_start) {
    if (after_answer.starts_with(question_end)) {
      const std::string rest = after_answer.substr(question_end.size());
      if (after_system.ends_with(rest) && at_start.ends_with(rest)) return rest.size();
    }
    return std::min({common_suffix(after_system, after_answer), common_suffix(after_answer, at_start),
                     common_suffix(after_system, at_start)});
  }

  // Without bos at the start.
  std::string render(const Conversation& conversation, bool answer) const {
    text::RenderOptions options;
    options.add_generation_prompt = answer;
    options.variables = variables_;
    const std::string rendered = chat_.render(json_of(conversation), options);
    if (!rendered.starts_with(start_)) throw base::Error(base::ExitCode::data, "no bos at the start");
    return rendered.substr(start_.size());
  }

  static std::string join(const TemplateParts& parts, const Conversation& conversation) {
    std::string text;
    const bool system = std::string_view(conversation.front().role) == "system";
    if (!system) text += parts.default_system;
    for (const Message& message : conversation) {
      const std::string_view role = message.role;
      const TemplateParts::Turn& turn = role == "system" ? parts.system
                                        : role == "user" ? parts.user
                                                         : parts.assistant;
      text += turn.before + message.text + turn.after;
    }
    return text + parts.answer;
  }

  bool explains(const TemplateParts& parts) const {
    for (const bool system : {false, true}) {
      for (const int turns : {1, 3, 5}) {
        const Conversation tried = conversation(system, turns);
        if (join(parts, tried) != render(tried, true)) return false;
      }
    }
    return true;
  }

  const text::ChatTemplate& chat_;
  const Json& variables_;
  std::string start_;
};

}  // namespace

std::optional<TemplateParts> parts_of(const text::ChatTemplate& chat, const Json& variables) {
  // A date would stay that of today.
  if (chat.source().find("strftime_now") != std::string::npos) return std::nullopt;
  try {
    return Finder(chat, variables).run();
  } catch (const base::Error&) {
    return std::nullopt;  // one of the conversations is none for this template
  }
}

}  // namespace swift::quant::gguf
