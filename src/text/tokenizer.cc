#include "text/tokenizer.h"

#include <algorithm>

#include "text/new_tokens.h"
#include "text/tokenizer_impl.h"
#include "text/unicode.h"

namespace swift::text {
namespace {

// Places of `rest` that may be absent or null.
template <class Part>
Part optional_part(const Node& root, const char* key) {
  const auto node = root.find(key);
  return node ? Part::from_node(*node) : Part();
}

void check_added_ids(const AddedTokens& added, const TokenTable& tokens, const Node& root) {
  for (size_t i = 0; i < added.all().size(); ++i) {
    const AddedToken& token = added.all()[i];
    const int32_t in_vocab = tokens.find(token.content);
    if (in_vocab < 0 || in_vocab == token.id) continue;
    root.fail("added_tokens: \"" + token.content + "\" has id " + std::to_string(token.id) +
              ", but model.vocab gives it " + std::to_string(in_vocab));
  }
}

}  // namespace

Tokenizer::Impl::Impl(TokenizerFile file) {
  const Node root(file.rest, "", file.path);
  normalizer = optional_part<Normalizer>(root, "normalizer");
  pre_tokenizer = optional_part<PreTokenizer>(root, "pre_tokenizer");
  decoder = optional_part<Decoder>(root, "decoder");
  if (const auto list = root.find("added_tokens")) added = AddedTokens::from_node(*list, normalizer);
  model = std::make_unique<Bpe>(file, pre_tokenizer.words_are_bytes());
  check_added_ids(added, model->tokens(), root);
  vocab_size = model->tokens().size();
  for (const AddedToken& token : added.all()) {
    vocab_size = std::max(vocab_size, static_cast<size_t>(token.id) + 1);
  }
}

void Tokenizer::Impl::encode_text(std::string_view text, EncodeScratch& scratch,
                                  std::vector<TokenId>& out) const {
  const std::string_view normal = normalizer.apply(text, scratch.normalized_text, scratch.regex);
  added.split_normalized(normal, scratch.normalized);
  for (const Segment& segment : scratch.normalized) {
    if (segment.id >= 0) {
      out.push_back(segment.id);
      continue;
    }
    pre_tokenizer.run(normal.substr(segment.begin, segment.end - segment.begin), scratch.words,
                      scratch.regex);
    for (const Match& word : scratch.words.ranges) {
      model->encode(scratch.words.text.substr(word.begin, word.end - word.begin), scratch.bpe, out);
    }
  }
}

std::string_view Tokenizer::Impl::text_of(TokenId id) const {
  if (const AddedToken* token = added.find(id)) return token->shown;
  return model->tokens().text_of(id);
}

bool Tokenizer::Impl::is_special(TokenId id) const {
  const AddedToken* token = added.find(id);
  return token != nullptr && token->special;
}

std::unique_ptr<EncodeScratch> Tokenizer::Impl::borrow() const {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      auto scratch = std::move(idle_.back());
      idle_.pop_back();
      return scratch;
    }
  }
  return std::make_unique<EncodeScratch>();
}

void Tokenizer::Impl::give_back(std::unique_ptr<EncodeScratch> scratch) const {
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(scratch));
}

Tokenizer Tokenizer::load(const std::filesystem::path& file_or_directory,
                          const std::vector<std::string>& new_special) {
  const bool folder = std::filesystem::is_directory(file_or_directory);
  TokenizerFile file = TokenizerFile::read(folder ? file_or_directory / "tokenizer.json" : file_or_directory);
  add_special_tokens(file, new_special);
  Tokenizer tokenizer;
  tokenizer.impl_ = std::make_shared<const Impl>(std::move(file));
  return tokenizer;
}

std::vector<TokenId> Tokenizer::encode(std::string_view text) const {
  std::string mended;
  if (!is_valid_utf8(text)) {
    mended = replace_invalid_utf8(text);
    text = mended;
  }
  std::vector<TokenId> ids;
  ids.reserve(text.size() / 4 + 8);
  auto scratch = impl_->borrow();
  impl_->added.split_raw(text, scratch->raw);
  for (const Segment& segment : scratch->raw) {
    if (segment.id >= 0)
      ids.push_back(segment.id);
    else
      impl_->encode_text(text.substr(segment.begin, segment.end - segment.begin), *scratch, ids);
  }
  impl_->give_back(std::move(scratch));
  return ids;
}

std::string Tokenizer::decode(std::span<const TokenId> ids, bool skip_special) const {
  std::string bytes;
  bool first = true;
  for (const TokenId id : ids) {
    if (skip_special && impl_->is_special(id)) continue;
    const std::string_view token = impl_->text_of(id);
    if (token.empty()) continue;
    if (!first) bytes += impl_->decoder.separator();
    bytes += impl_->decoder.bytes_of(token);
    first = false;
  }
  std::string text = is_valid_utf8(bytes) ? std::move(bytes) : replace_invalid_utf8(bytes);
  if (impl_->decoder.has_edges()) {
    const EdgeStrip& edges = impl_->decoder.edges();
    text.erase(0, strip_length(text, edges.content, edges.left, true));
    text.erase(text.size() - strip_length(text, edges.content, edges.right, false));
  }
  return text;
}

std::string Tokenizer::bytes_of(TokenId id) const {
  return impl_->decoder.bytes_of(impl_->text_of(id));
}

std::optional<TokenId> Tokenizer::id_of(std::string_view token) const {
  if (const AddedToken* found = impl_->added.find(token)) return found->id;
  const int32_t id = impl_->model->tokens().find(token);
  return id < 0 ? std::nullopt : std::optional<TokenId>(id);
}

std::string Tokenizer::token_of(TokenId id) const {
  const AddedToken* token = impl_->added.find(id);
  return token != nullptr ? token->content : std::string(impl_->model->tokens().text_of(id));
}

bool Tokenizer::is_special(TokenId id) const {
  return impl_->is_special(id);
}

size_t Tokenizer::vocab_size() const {
  return impl_->vocab_size;
}

}  // namespace swift::text
