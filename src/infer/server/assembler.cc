#include "infer/server/assembler.h"

#include <algorithm>

#include "infer/server/parsers/text_scan.h"

namespace swift::infer::server {

namespace {

constexpr std::string_view kOpen = "<think>";
constexpr std::string_view kClose = "</think>";
constexpr std::string_view kBlanks = " \t\r\n";

}  // namespace

// Gives what the parser finds its index and id.
class Assembler::Collector : public ToolSink {
 public:
  Collector(Assembler& owner, Delta& delta) : owner_(owner), delta_(delta) {}
  void content(std::string_view text) override { owner_.add_content(text, delta_); }
  void begin_call(const std::string& name) override {
    owner_.ignoring_ = !owner_.options_.parallel && owner_.calls_ > 0;
    if (owner_.ignoring_) return;
    owner_.blank_.clear();
    delta_.tools.push_back({owner_.calls_++, owner_.options_.make_call_id(), name, ""});
  }
  void arguments(std::string_view piece) override {
    if (owner_.ignoring_ || piece.empty()) return;
    const int index = owner_.calls_ - 1;
    // A client expects the first piece of a call without arguments.
    if (delta_.tools.empty() || delta_.tools.back().index != index || !delta_.tools.back().id.empty()) {
      delta_.tools.push_back({index, "", "", ""});
    }
    delta_.tools.back().arguments += piece;
  }

 private:
  Assembler& owner_;
  Delta& delta_;
};

Assembler::Assembler(AssemblerOptions options) : options_(std::move(options)), part_(Part::answer) {
  if (options_.reasoning) part_ = options_.open_reasoning ? Part::reasoning : Part::start;
}

Delta Assembler::push(std::string_view text) {
  Delta delta;
  if (part_ == Part::answer) {
    push_answer(text, delta);
    return delta;
  }
  held_ += text;
  if (part_ == Part::start) {
    const size_t first = held_.find_first_not_of(kBlanks);
    if (first == std::string::npos) return delta;
    const std::string_view begun = std::string_view(held_).substr(first);
    if (kOpen.substr(0, begun.size()) == begun && begun.size() < kOpen.size()) return delta;
    if (begun.starts_with(kOpen)) {
      part_ = Part::reasoning;
      held_.erase(0, first + kOpen.size());
    } else {
      part_ = Part::answer;
      const std::string all = std::move(held_);
      held_.clear();
      push_answer(all, delta);
      return delta;
    }
  }
  const std::string all = std::move(held_);
  held_.clear();
  push_reasoning(all, delta);
  return delta;
}

void Assembler::push_reasoning(std::string_view text, Delta& delta) {
  if (part_ == Part::reasoning) {
    if (!reasoned_) text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
    const size_t close = text.find(kClose);
    if (close == std::string_view::npos) {
      // Held back: the beginning of the closing tag, and blanks that may stand before it.
      size_t keep = text.size() - partial_suffix(text, kClose);
      const size_t word = text.substr(0, keep).find_last_not_of(kBlanks);
      keep = word == std::string_view::npos ? 0 : word + 1;
      delta.reasoning += text.substr(0, keep);
      reasoned_ = reasoned_ || keep > 0;
      held_ = text.substr(keep);
      return;
    }
    std::string_view inside = text.substr(0, close);
    const size_t word = inside.find_last_not_of(kBlanks);
    delta.reasoning += inside.substr(0, word == std::string_view::npos ? 0 : word + 1);
    part_ = Part::behind_reasoning;
    text.remove_prefix(close + kClose.size());
  }
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return;
  part_ = Part::answer;
  push_answer(text.substr(first), delta);
}

void Assembler::push_answer(std::string_view text, Delta& delta) {
  if (!options_.tools) {
    delta.content += text;
    return;
  }
  Collector collector(*this, delta);
  options_.tools->push(text, collector);
}

void Assembler::add_content(std::string_view text, Delta& delta) {
  const size_t word = text.find_last_not_of(kBlanks);
  if (word == std::string_view::npos) {
    blank_ += text;
    return;
  }
  delta.content += blank_;
  delta.content += text.substr(0, word + 1);
  blank_ = text.substr(word + 1);
}

Delta Assembler::finish() {
  Delta delta;
  const std::string rest = std::move(held_);
  held_.clear();
  if (part_ == Part::reasoning) delta.reasoning += rest;
  if (part_ == Part::start) push_answer(rest, delta);
  if (options_.tools) {
    Collector collector(*this, delta);
    options_.tools->finish(collector);
    if (calls_ == 0) delta.content += blank_;
  }
  blank_.clear();
  return delta;
}

}  // namespace swift::infer::server
