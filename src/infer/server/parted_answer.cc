#include "infer/server/parted_answer.h"

#include "infer/server/sse.h"

namespace swift::infer::server {

PartedAnswer::PartedAnswer(Context& context, ExchangePtr exchange, ChatJob job)
    : context_(context),
      exchange_(std::move(exchange)),
      job_(std::move(job)),
      assembler_(assembler_of(job_, context_)) {}

void PartedAnswer::begin() {
  if (!job_.asked.stream) return;
  begin_sse(*exchange_, context_, opened_stream());
  streaming_ = true;
}

void PartedAnswer::event(size_t, const Event& event, const Totals& totals) {
  totals_ = totals;
  if (assembler_.in_reasoning()) reasoning_tokens_ += static_cast<int64_t>(event.token_ids.size());
  std::string out;
  take(assembler_.push(event.text), out);
  if (event.finish_reason) {
    take(assembler_.finish(), out);
    finish_reason_ = *event.finish_reason;
    stop_string_ = event.stop_string;
    called_ = assembler_.tool_calls() > 0;
    close_part(out);
  }
  if (streaming_ && !out.empty()) exchange_->write(std::move(out));
}

void PartedAnswer::end(const Totals& totals) {
  totals_ = totals;
  if (!streaming_) return respond_json(*exchange_, whole());
  exchange_->write(closed_stream());
  exchange_->end_stream();
}

void PartedAnswer::take(const Delta& delta, std::string& out) {
  if (!delta.reasoning.empty()) append(Part::Kind::reasoning, delta.reasoning, nullptr, out);
  if (!delta.content.empty()) append(Part::Kind::text, delta.content, nullptr, out);
  for (const ToolDelta& tool : delta.tools) append(Part::Kind::tool, tool.arguments, &tool, out);
}

void PartedAnswer::append(Part::Kind kind, const std::string& piece, const ToolDelta* tool,
                          std::string& out) {
  const bool begins = tool != nullptr && !tool->id.empty();
  if (!open_ || parts_.back().kind != kind || begins) {
    close_part(out);
    Part part{.kind = kind, .id = context_.ids.next(id_prefix(kind), 24)};
    if (tool != nullptr) part.call_id = tool->id, part.name = tool->name;
    parts_.push_back(std::move(part));
    open_ = true;
    out += opened(parts_.size() - 1, parts_.back());
  }
  if (piece.empty()) return;
  parts_.back().text += piece;
  out += grown(parts_.size() - 1, parts_.back(), piece);
}

void PartedAnswer::close_part(std::string& out) {
  if (!open_) return;
  open_ = false;
  out += closed(parts_.size() - 1, parts_.back());
}

}  // namespace swift::infer::server
