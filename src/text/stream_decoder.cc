#include "text/tokenizer.h"
#include "text/tokenizer_impl.h"
#include "text/unicode.h"

namespace swift::text {
namespace {

// Bytes at the end that may still change: an incomplete character, and characters that Strip may remove.
size_t held_back(std::string_view pending, const EdgeStrip& edges) {
  const size_t incomplete = incomplete_suffix(pending);
  return incomplete +
         strip_length(pending.substr(0, pending.size() - incomplete), edges.content, edges.right, false);
}

}  // namespace

StreamDecoder::StreamDecoder(const Tokenizer& tokenizer, bool skip_special)
    : tokenizer_(&tokenizer),
      skip_special_(skip_special),
      strip_left_(tokenizer.impl_->decoder.edges().left) {}

std::string StreamDecoder::push(TokenId id) {
  const Tokenizer::Impl& impl = *tokenizer_->impl_;
  if (skip_special_ && impl.is_special(id)) return {};
  const std::string_view token = impl.text_of(id);
  if (token.empty()) return {};
  if (started_) pending_ += impl.decoder.separator();
  started_ = true;
  pending_ += impl.decoder.bytes_of(token);
  const EdgeStrip& edges = impl.decoder.edges();
  while (strip_left_ > 0 && !pending_.empty()) {
    if (pending_.size() < edges.content.size() && edges.content.starts_with(pending_)) return {};
    const size_t cut = strip_length(pending_, edges.content, 1, true);
    pending_.erase(0, cut);
    strip_left_ = cut > 0 ? strip_left_ - 1 : 0;
  }
  const size_t keep = held_back(pending_, edges);
  std::string text = pending_.substr(0, pending_.size() - keep);
  pending_.erase(0, pending_.size() - keep);
  return is_valid_utf8(text) ? text : replace_invalid_utf8(text);
}

std::string StreamDecoder::finish() {
  const EdgeStrip& edges = tokenizer_->impl_->decoder.edges();
  std::string text = replace_invalid_utf8(pending_);
  text.erase(text.size() - strip_length(text, edges.content, edges.right, false));
  pending_.clear();
  started_ = false;
  strip_left_ = edges.left;
  return text;
}

}  // namespace swift::text
