// What the forms with tags have in common: content up to an opening tag, then calls.
#pragma once
#include <string>
#include <string_view>

#include "infer/server/parsers/text_scan.h"
#include "infer/server/parsers/tool_parser.h"

namespace swift::infer::server {

// Gives content until the tag is complete, then everything behind it to inside().
class TaggedParser : public ToolParser {
 public:
  explicit TaggedParser(std::string_view open) : open_(open) {}
  void push(std::string_view text, ToolSink& sink) override {
    buffer_ += text;
    while (!buffer_.empty()) {
      if (inside_) {
        if (!inside(buffer_, sink)) return;
        continue;
      }
      const size_t at = buffer_.find(open_);
      if (at == std::string::npos) {
        const size_t keep = partial_suffix(buffer_, open_);
        sink.content(std::string_view(buffer_).substr(0, buffer_.size() - keep));
        buffer_.erase(0, buffer_.size() - keep);
        return;
      }
      sink.content(std::string_view(buffer_).substr(0, at));
      buffer_.erase(0, at + open_.size());
      inside_ = true;
      entered();
    }
  }
  void finish(ToolSink& sink) override {
    if (inside_) {
      cut_off(buffer_, sink);
    } else {
      sink.content(buffer_);
    }
    buffer_.clear();
  }

 protected:
  // Takes from the front of `buffer` what it can; false when it needs more text.
  virtual bool inside(std::string& buffer, ToolSink& sink) = 0;
  virtual void entered() {}
  // The text ended inside.
  virtual void cut_off(std::string& buffer, ToolSink& sink) = 0;
  void leave() { inside_ = false; }
  const std::string& open_tag() const { return open_; }

 private:
  std::string open_;
  std::string buffer_;
  bool inside_ = false;
};

// Takes the buffer up to and with the tag; false, leaving only what may be its beginning, when it is not
// there.
inline bool skip_past(std::string& buffer, std::string_view tag) {
  const size_t at = buffer.find(tag);
  if (at == std::string::npos) {
    buffer.erase(0, buffer.size() - partial_suffix(buffer, tag));
    return false;
  }
  buffer.erase(0, at + tag.size());
  return true;
}

// Length of the blanks at the front.
inline size_t leading_blanks(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  return first == std::string_view::npos ? text.size() : first;
}

}  // namespace swift::infer::server
