// The whole answer is {"name": …, "parameters": {…}}, several with ';' between, a <|python_tag|> in front or
// not: Llama 3.1 to 3.3.
#include "infer/server/parsers/call_reader.h"
#include "infer/server/parsers/tagged.h"

namespace swift::infer::server {
namespace {

class Llama3 : public ToolParser {
 public:
  void push(std::string_view text, ToolSink& sink) override {
    held_ += text;
    while (!held_.empty()) {
      if (part_ == Part::content) {
        sink.content(held_);
        held_.clear();
        return;
      }
      if (part_ == Part::call ? !read_call(sink) : !begin()) return;
    }
  }

  void finish(ToolSink& sink) override {
    if (part_ == Part::call && !reader_.begun()) sink.content(reader_.raw());
    if (part_ == Part::between && called_) return;
    sink.content(held_);
    held_.clear();
  }

 private:
  enum class Part { between, call, content };
  static constexpr std::string_view kTag = "<|python_tag|>";

  // Whether what is held has decided what comes.
  bool begin() {
    size_t at = leading_blanks(held_);
    if (called_ && at < held_.size() && (held_[at] == ';' || held_[at] == ',')) {
      held_.erase(0, at + 1);
      return true;
    }
    if (at == held_.size()) return false;
    const std::string_view rest = std::string_view(held_).substr(at);
    if (rest.size() < kTag.size() && kTag.starts_with(rest)) return false;
    if (rest.starts_with(kTag)) at += kTag.size();
    if (at < held_.size() && rest.starts_with(kTag)) {
      held_.erase(0, at);
      return true;
    }
    if (at == held_.size()) return false;
    if (held_[at] != '{') {
      part_ = Part::content;
      return true;
    }
    reader_ = CallReader();
    part_ = Part::call;
    return true;
  }

  bool read_call(ToolSink& sink) {
    size_t used = 0;
    const auto state = reader_.feed(held_, used, sink);
    held_.erase(0, used);
    if (state == CallReader::State::more) return false;
    if (state == CallReader::State::failed && !reader_.begun()) {
      sink.content(reader_.raw());
      part_ = Part::content;
      return true;
    }
    called_ = true;
    part_ = Part::between;
    return true;
  }

  Part part_ = Part::between;
  bool called_ = false;
  std::string held_;
  CallReader reader_;
};

}  // namespace

std::unique_ptr<ToolParser> make_llama3(const base::Json&) {
  return std::make_unique<Llama3>();
}

}  // namespace swift::infer::server
