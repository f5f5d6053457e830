#include "text/bpe.h"

#include <algorithm>
#include <functional>

#include "text/unicode.h"

namespace swift::text {
namespace {

constexpr size_t kCacheSlots = size_t{1} << 15;  // 2 MiB
constexpr size_t kShortWord = 48;                // symbols up to which a plain scan beats the heap

std::string fallback_token(int byte) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  return std::string("<0x") + kHex[byte >> 4] + kHex[byte & 15] + ">";
}

}  // namespace

BpeScratch::BpeScratch() : cache_(kCacheSlots) {}

Bpe::Bpe(TokenizerFile& file, bool bytes) : bytes_(bytes) {
  const Node root(file.rest, "", file.path);
  const Node model = root.at("model");
  // Files written before 2020 have no type; their model is BPE when it has merges.
  const auto type = model.find("type");
  if (type ? type->string() != "BPE" : !file.has_merges) {
    model.fail("unsupported tokenizer model \"" + (type ? type->string() : std::string("unknown")) + "\"",
               "supported: BPE with a tokenizer.json (byte-level, or with byte_fallback)");
  }
  if (!file.vocab_is_object) model.fail("\"vocab\" is missing or not an object of token to id");
  if (!file.has_merges) model.fail("\"merges\" is missing or not a list");
  texts_ = std::move(file.texts);
  tokens_.build(texts_, file.vocab);
  read_settings(model);
  for (int byte = 0; byte < 256; ++byte) {
    std::string character;
    append_utf8(character, byte_to_char(static_cast<uint8_t>(byte)));
    byte_ids_[static_cast<size_t>(byte)] = tokens_.find(character);
    fallback_ids_[static_cast<size_t>(byte)] = tokens_.find(fallback_token(byte));
  }
  read_merges(file, model);
}

void Bpe::read_settings(const Node& model) {
  ignore_merges_ = model.boolean("ignore_merges", false);
  byte_fallback_ = model.boolean("byte_fallback", false);
  fuse_unknown_ = model.boolean("fuse_unk", false);
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    const auto affix = model.find(key);
    if (affix && !affix->string().empty()) affix->fail("not supported", "supported: null or \"\"");
  }
  if (const auto dropout = model.find("dropout")) {
    if (!dropout->value().is_number()) dropout->fail("expected a number or null");
    if (dropout->value().get<double>() != 0)
      dropout->fail("random merges are not supported", "set it to null");
  }
  if (const auto unknown = model.find("unk_token")) {
    unknown_ = tokens_.find(unknown->string());
    if (unknown_ < 0) unknown->fail("\"" + unknown->string() + "\" is not in the vocabulary");
  }
}

void Bpe::read_merges(const TokenizerFile& file, const Node& model) {
  merges_.reserve(file.merges.size());
  const std::string_view texts = texts_;
  for (size_t i = 0; i < file.merges.size(); ++i) {
    const auto& [left, right] = file.merges[i];
    const std::string_view pair[] = {texts.substr(left.offset, left.length),
                                     texts.substr(right.offset, right.length),
                                     texts.substr(left.offset, left.length + right.length)};  // they adjoin
    int32_t ids[3];
    for (int part = 0; part < 3; ++part) {
      ids[part] = tokens_.find(pair[part]);
      if (ids[part] >= 0) continue;
      model.fail("merges[" + std::to_string(i) + "]: \"" + std::string(pair[part]) +
                 "\" is not in the vocabulary");
    }
    merges_.set(ids[0], ids[1], {static_cast<uint32_t>(i), ids[2]});
  }
}

void Bpe::missing_symbol(std::string_view character, bool& after_unknown, std::vector<int32_t>& ids) const {
  if (byte_fallback_) {
    const auto id_of = [&](char byte) { return fallback_ids_[static_cast<unsigned char>(byte)]; };
    if (std::all_of(character.begin(), character.end(), [&](char byte) { return id_of(byte) >= 0; })) {
      for (const char byte : character) ids.push_back(id_of(byte));
      after_unknown = false;
      return;
    }
  }
  if (unknown_ >= 0 && !(after_unknown && fuse_unknown_)) ids.push_back(unknown_);
  after_unknown = true;
}

void Bpe::first_symbols(std::string_view word, std::vector<int32_t>& ids) const {
  ids.clear();
  bool after_unknown = false;
  for (size_t at = 0; at < word.size();) {
    const size_t start = at;
    int32_t id;
    if (bytes_) {
      id = byte_ids_[static_cast<unsigned char>(word[at++])];
    } else {
      next_code_point(word, at);
      id = tokens_.find(word.substr(start, at - start));
    }
    if (id >= 0) {
      ids.push_back(id);
      after_unknown = false;
    } else if (bytes_) {
      missing_symbol(bytes_to_chars(word.substr(start, 1)), after_unknown, ids);
    } else {
      missing_symbol(word.substr(start, at - start), after_unknown, ids);
    }
  }
}

// Looks for the lowest rank again after every merge: quadratic, fastest for the few symbols of a word.
void Bpe::merge_short(BpeScratch& scratch) const {
  auto& ids = scratch.ids_;
  auto& ranks = scratch.ranks_;
  auto& merged = scratch.merged_;
  size_t count = ids.size();
  ranks.resize(count);
  merged.resize(count);
  const auto rate = [&](size_t i) {
    const Merge merge = i + 1 < count ? merges_.find(ids[i], ids[i + 1]) : Merge{};
    ranks[i] = merge.rank;
    merged[i] = merge.id;
  };
  for (size_t i = 0; i < count; ++i) rate(i);
  while (count > 1) {
    size_t best = 0;
    for (size_t i = 1; i + 1 < count; ++i) {
      if (ranks[i] < ranks[best]) best = i;
    }
    if (ranks[best] == UINT32_MAX) break;
    ids[best] = merged[best];
    for (size_t i = best + 1; i + 1 < count; ++i) {
      ids[i] = ids[i + 1];
      ranks[i] = ranks[i + 1];
      merged[i] = merged[i + 1];
    }
    --count;
    rate(best);
    if (best > 0) rate(best - 1);
  }
  ids.resize(count);
}

// A heap of candidate pairs over a linked list of symbols: O(n log n). Candidates that a merge made stale
// no longer have their symbol's rank and are dropped.
void Bpe::merge_long(BpeScratch& scratch) const {
  auto& ids = scratch.ids_;
  auto& symbols = scratch.symbols_;
  auto& heap = scratch.heap_;
  if (ids.size() > INT32_MAX) throw base::Error(base::ExitCode::data, "a single word of more than 2 GiB");
  const auto count = static_cast<int32_t>(ids.size());
  symbols.resize(ids.size());
  heap.clear();
  // Rates the pair that `left` begins; true when it merges.
  BpeScratch::Candidate found{};
  const auto rate = [&](int32_t left) {
    const int32_t right = symbols[left].next;
    const Merge merge = right < 0 ? Merge{} : merges_.find(symbols[left].id, symbols[right].id);
    symbols[left].rank = merge.rank;
    found = {merge.rank, left, merge.id};
    return merge.rank != UINT32_MAX;
  };
  const auto push = [&](int32_t left) {
    if (left < 0 || !rate(left)) return;
    heap.push_back(found);
    std::push_heap(heap.begin(), heap.end(), std::greater<>());
  };
  for (int32_t i = 0; i < count; ++i) symbols[i] = {ids[i], i - 1, i + 1 < count ? i + 1 : -1, 0};
  for (int32_t i = 0; i < count; ++i) {
    if (rate(i)) heap.push_back(found);
  }
  std::make_heap(heap.begin(), heap.end(), std::greater<>());
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), std::greater<>());
    const BpeScratch::Candidate top = heap.back();
    heap.pop_back();
    auto& left = symbols[top.left];
    if (left.rank != top.rank) continue;
    auto& right = symbols[left.next];
    left.id = top.id;
    left.next = right.next;
    right.rank = UINT32_MAX;
    if (left.next >= 0) symbols[left.next].previous = top.left;
    push(left.previous);
    push(top.left);
  }
  ids.clear();
  for (int32_t i = 0; i >= 0; i = symbols[i].next) ids.push_back(symbols[i].id);
}

void Bpe::encode_uncached(std::string_view word, BpeScratch& scratch) const {
  if (ignore_merges_) {
    const int32_t whole = tokens_.find(bytes_ ? bytes_to_chars(word) : std::string(word));
    if (whole >= 0) {
      scratch.ids_.assign(1, whole);
      return;
    }
  }
  first_symbols(word, scratch.ids_);
  if (scratch.ids_.size() > kShortWord)
    merge_long(scratch);
  else if (scratch.ids_.size() > 1)
    merge_short(scratch);
}

void Bpe::encode(std::string_view word, BpeScratch& scratch, std::vector<int32_t>& out) const {
  if (word.empty()) return;
  if (word.size() > BpeScratch::kWordBytes) {
    encode_uncached(word, scratch);
    out.insert(out.end(), scratch.ids_.begin(), scratch.ids_.end());
    return;
  }
  BpeScratch::Cached& slot = scratch.cache_[hash_text(word) & (kCacheSlots - 1)];
  if (slot.length == word.size() && std::memcmp(slot.word, word.data(), word.size()) == 0) {
    out.insert(out.end(), slot.ids, slot.ids + slot.count);
    return;
  }
  encode_uncached(word, scratch);
  const auto& ids = scratch.ids_;
  out.insert(out.end(), ids.begin(), ids.end());
  if (ids.size() > BpeScratch::kWordIds) return;
  std::memcpy(slot.word, word.data(), word.size());
  slot.length = static_cast<uint8_t>(word.size());
  slot.count = static_cast<uint8_t>(ids.size());
  std::copy(ids.begin(), ids.end(), slot.ids);
}

}  // namespace swift::text
