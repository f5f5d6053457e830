// <tool_call>{"name": …, "arguments": {…}}</tool_call>, one call a pair of tags: Hermes, Qwen 2.5 and 3.
#include "infer/server/parsers/call_reader.h"
#include "infer/server/parsers/tagged.h"

namespace swift::infer::server {
namespace {

class Hermes : public TaggedParser {
 public:
  Hermes() : TaggedParser("<tool_call>") {}

 protected:
  void entered() override {
    reader_ = CallReader();
    ended_ = false;
  }

  bool inside(std::string& buffer, ToolSink& sink) override {
    if (ended_) {
      if (!skip_past(buffer, "</tool_call>")) return false;
      leave();
      return true;
    }
    size_t used = 0;
    const auto state = reader_.feed(buffer, used, sink);
    buffer.erase(0, used);
    if (state == CallReader::State::more) return false;
    if (state == CallReader::State::failed && !reader_.begun()) {
      sink.content(open_tag() + reader_.raw());
      leave();
      return true;
    }
    ended_ = true;
    return true;
  }

  void cut_off(std::string& buffer, ToolSink& sink) override {
    if (!ended_ && !reader_.begun()) sink.content(open_tag() + reader_.raw() + buffer);
  }

 private:
  CallReader reader_;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<ToolParser> make_hermes(const base::Json&) {
  return std::make_unique<Hermes>();
}

}  // namespace swift::infer::server
