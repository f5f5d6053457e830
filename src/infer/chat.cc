#include "infer/chat.h"

#include <csignal>
#include <istream>
#include <ostream>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "base/signals.h"

namespace swift::infer {
namespace {

using base::Json;

constexpr const char* kHelp =
    "Type a message. quit or exit ends, clear forgets the conversation, reset-system sets the system text,\n"
    "multi-line reads until a line that ends with #. Ctrl-C stops an answer.\n";

class Chat {
 public:
  Chat(StepModel& model, const text::Tokenizer& tokenizer, const PromptBuilder& prompts,
       const ChatOptions& options, std::istream& in, std::ostream& out, std::ostream& err,
       std::unique_ptr<Drafter> drafter)
      : engine_(model, tokenizer, options.engine, std::move(drafter)),
        prompts_(prompts),
        options_(options),
        in_(in),
        out_(out),
        err_(err),
        system_(options.system) {
    forget();
  }

  int run() {
    err_ << kHelp;
    while (const std::optional<std::string> text = read(multi_line_ ? "<<<[M] " : "<<< ", multi_line_)) {
      if (text->empty()) continue;
      if (*text == "quit" || *text == "exit") return 0;
      if (run_command(*text)) continue;
      if (const int signal = answer(*text); signal != 0 && signal != SIGINT) return 128 + signal;
    }
    err_ << "\n";
    const int signal = base::stop_signal();
    return signal != 0 ? 128 + signal : 0;
  }

 private:
  // A line, or several up to one that ends with #. None at the end of the input and after a signal.
  std::optional<std::string> read(const char* prompt, bool several) {
    err_ << prompt << std::flush;
    std::string text;
    std::string line;
    while (std::getline(in_, line)) {
      if (base::stop_signal() != 0) return std::nullopt;
      if (!line.empty() && line.back() == '\r') line.pop_back();
      if (!several) return line;
      // Commands work in both modes.
      if (text.empty() && is_command(line)) return line;
      const bool last = !line.empty() && line.back() == '#';
      if (last) line.pop_back();
      text += line;
      if (last) return text;
      text += '\n';
    }
    return several && !text.empty() && base::stop_signal() == 0 ? std::optional(text) : std::nullopt;
  }

  static bool is_command(const std::string& line) {
    return line == "quit" || line == "exit" || line == "clear" || line == "reset-system" ||
           line == "multi-line" || line == "single-line";
  }

  bool run_command(const std::string& text) {
    if (!is_command(text)) return false;
    if (text == "multi-line") multi_line_ = true;
    if (text == "single-line") multi_line_ = false;
    if (text == "reset-system") {
      if (auto system = read("<<<[system] ", multi_line_)) system_ = std::move(system);
    }
    if (text == "clear" || text == "reset-system") forget();
    return true;
  }

  void forget() {
    messages_ = Json::array();
    if (system_ && !system_->empty()) messages_.push_back({{"role", "system"}, {"content", *system_}});
  }

  // Returns the signal that stopped the answer, or 0.
  int answer(const std::string& text) {
    const size_t before = messages_.size();
    messages_.push_back({{"role", "user"}, {"content", text}});
    std::string response;
    int signal = 0;
    try {
      auto prompt =
          prompts_.has_template() ? prompts_.encode_messages(messages_) : prompts_.encode_text(text);
      engine_.add({turn_, std::move(prompt), options_.sampling, turn_});
      ++turn_;
      signal = run_to_end(engine_, [&](const Event& event) {
        response += event.text;
        out_ << event.text << std::flush;
      });
      out_ << "\n" << std::flush;
    } catch (const base::Error& error) {
      // The device and the disk do not recover by asking again.
      if (error.code() != base::ExitCode::data) throw;
      err_ << error.what() << "\n";
      messages_.erase(messages_.begin() + static_cast<std::ptrdiff_t>(before), messages_.end());
      return 0;
    }
    if (signal == SIGINT) base::clear_stop_signal();
    messages_.push_back({{"role", "assistant"}, {"content", response}});
    if (!prompts_.has_template()) forget();
    return signal;
  }

  Engine engine_;  // keeps the conversation's keys and values from turn to turn
  const PromptBuilder& prompts_;
  const ChatOptions& options_;
  std::istream& in_;
  std::ostream& out_;
  std::ostream& err_;
  std::optional<std::string> system_;
  Json messages_;
  bool multi_line_ = false;
  uint64_t turn_ = 0;  // selects the random numbers of an answer
};

}  // namespace

int chat(StepModel& model, const text::Tokenizer& tokenizer, const PromptBuilder& prompts,
         const ChatOptions& options, std::istream& in, std::ostream& out, std::ostream& err,
         std::unique_ptr<Drafter> drafter) {
  return Chat(model, tokenizer, prompts, options, in, out, err, std::move(drafter)).run();
}

}  // namespace swift::infer
