// An answer as a row of parts, each reasoning, text or a tool call: the form of the Responses and Messages
// APIs.
#pragma once
#include <string>
#include <vector>

#include "infer/server/chat_job.h"
#include "infer/server/routes.h"

namespace swift::infer::server {

struct Part {
  enum class Kind { reasoning, text, tool };
  Kind kind = Kind::text;
  std::string id;       // of the part
  std::string call_id;  // of a tool call
  std::string name;
  std::string text;  // a tool call's arguments
};

// Cuts the answer into parts and tells the API of each as it comes. One choice.
class PartedAnswer : public Answer {
 public:
  PartedAnswer(Context& context, ExchangePtr exchange, ChatJob job);
  void begin() override;
  void event(size_t choice, const Event& event, const Totals& totals) override;
  void end(const Totals& totals) override;

 protected:
  // The text that opens the stream, and that of each turn of events; a stream is sent what they return.
  virtual std::string opened_stream() = 0;
  virtual std::string opened(size_t index, const Part& part) = 0;
  virtual std::string grown(size_t index, const Part& part, const std::string& piece) = 0;
  virtual std::string closed(size_t index, const Part& part) = 0;
  virtual std::string closed_stream() = 0;
  // A whole answer.
  virtual base::Json whole() = 0;
  // The prefix of a part's id.
  virtual std::string_view id_prefix(Part::Kind kind) const = 0;

  Context& context_;
  ExchangePtr exchange_;
  ChatJob job_;
  int64_t created_ = unix_time();
  std::vector<Part> parts_;
  Totals totals_;
  int64_t reasoning_tokens_ = 0;
  FinishReason finish_reason_ = FinishReason::stop;
  std::string stop_string_;
  bool called_ = false;  // a tool
  bool streaming_ = false;

 private:
  void take(const Delta& delta, std::string& out);
  void append(Part::Kind kind, const std::string& piece, const ToolDelta* tool, std::string& out);
  void close_part(std::string& out);

  Assembler assembler_;
  bool open_ = false;  // the last part
};

}  // namespace swift::infer::server
