#include "text/bpe_trainer.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <queue>
#include <set>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/json.h"
#include "text/normalizer.h"
#include "text/pretokenizer_scan.h"
#include "text/unicode.h"

namespace swift::text {
namespace {

using base::Error;
using base::ExitCode;

constexpr int64_t kLeastCount = 2;  // a pair seen once would only memorise

using Pair = std::pair<uint32_t, uint32_t>;

struct Word {
  std::vector<uint32_t> ids;
  int64_t count = 0;
};

uint64_t key_of(const Pair& pair) {
  return (uint64_t(pair.first) << 32) | pair.second;
}

// Where a pair stands, and how often over the whole text.
struct PairState {
  int64_t count = 0;
  std::vector<uint32_t> words;  // may name a word twice, or one that lost the pair
};

struct Candidate {
  int64_t count;
  Pair pair;
  bool operator<(const Candidate& other) const {
    return count != other.count ? count < other.count : pair > other.pair;
  }
};

class Trainer {
 public:
  explicit Trainer(std::vector<std::string> alphabet) : tokens_(std::move(alphabet)) {}

  // The words of one text, counted.
  void count(std::string_view text, const WordScanner& scanner) {
    std::vector<Match> ranges;
    scanner.split(text, 0, text.size(), ranges);
    for (const Match& range : ranges) {
      counts_[std::string(text.substr(range.begin, range.end - range.begin))] += 1;
    }
  }

  // Merges until there are `most` tokens or no pair is frequent enough.
  void learn(const std::array<uint32_t, 256>& byte_ids, size_t most) {
    make_words(byte_ids);
    for (uint32_t i = 0; i < words_.size(); ++i) add_pairs(i);
    for (const auto& [key, state] : pairs_) {
      queue_.push({state.count, {static_cast<uint32_t>(key >> 32), static_cast<uint32_t>(key)}});
    }
    while (tokens_.size() < most && !queue_.empty()) {
      Candidate top = queue_.top();
      queue_.pop();
      const auto found = pairs_.find(key_of(top.pair));
      const int64_t now = found == pairs_.end() ? 0 : found->second.count;
      if (now != top.count) {  // changed while it waited: back to its place
        top.count = now;
        if (now >= kLeastCount) queue_.push(top);
        continue;
      }
      if (now < kLeastCount) break;
      apply(top.pair);
    }
  }

  const std::vector<std::string>& tokens() const { return tokens_; }
  const std::vector<Pair>& merges() const { return merges_; }

 private:
  // Sorted, so that nothing depends on the order of a hash table.
  void make_words(const std::array<uint32_t, 256>& byte_ids) {
    std::vector<std::pair<std::string, int64_t>> sorted(counts_.begin(), counts_.end());
    counts_.clear();
    std::sort(sorted.begin(), sorted.end());
    words_.reserve(sorted.size());
    for (const auto& [text, count] : sorted) {
      Word word;
      word.count = count;
      for (const char byte : text) word.ids.push_back(byte_ids[static_cast<unsigned char>(byte)]);
      words_.push_back(std::move(word));
    }
  }

  void add_pairs(uint32_t index) {
    const Word& word = words_[index];
    for (size_t i = 0; i + 1 < word.ids.size(); ++i)
      change({word.ids[i], word.ids[i + 1]}, word.count, index);
  }

  void change(const Pair& pair, int64_t by, uint32_t word) {
    PairState& state = pairs_[key_of(pair)];
    state.count += by;
    if (by > 0 && (state.words.empty() || state.words.back() != word)) state.words.push_back(word);
  }

  void apply(const Pair& pair) {
    const std::string text = tokens_[pair.first] + tokens_[pair.second];
    const auto known = new_ids_.find(text);
    const uint32_t id = known != new_ids_.end() ? known->second : static_cast<uint32_t>(tokens_.size());
    if (known == new_ids_.end()) {
      tokens_.push_back(text);
      new_ids_.emplace(text, id);
    }
    merges_.push_back(pair);
    std::vector<uint32_t> where = std::move(pairs_[key_of(pair)].words);
    pairs_.erase(key_of(pair));
    std::sort(where.begin(), where.end());
    where.erase(std::unique(where.begin(), where.end()), where.end());
    touched_.clear();
    for (const uint32_t index : where) merge_in(index, pair, id);
    pairs_.erase(key_of(pair));
    std::sort(touched_.begin(), touched_.end());
    touched_.erase(std::unique(touched_.begin(), touched_.end()), touched_.end());
    for (const Pair& grown : touched_) {
      const auto found = pairs_.find(key_of(grown));
      if (found != pairs_.end() && found->second.count > 0) queue_.push({found->second.count, grown});
    }
  }

  void merge_in(uint32_t index, const Pair& pair, uint32_t id) {
    auto& ids = words_[index].ids;
    const int64_t count = words_[index].count;
    size_t kept = 0;
    for (size_t i = 0; i < ids.size(); ++i) {
      if (i + 1 >= ids.size() || ids[i] != pair.first || ids[i + 1] != pair.second) {
        ids[kept++] = ids[i];
        continue;
      }
      // The left neighbour is what is written already, so "aaaa" counts (aa, a) once and (aa, aa) once.
      if (kept > 0) {
        change({ids[kept - 1], pair.first}, -count, index);
        grow({ids[kept - 1], id}, count, index);
      }
      if (i + 2 < ids.size()) {
        change({pair.second, ids[i + 2]}, -count, index);
        grow({id, ids[i + 2]}, count, index);
      }
      ids[kept++] = id;
      ++i;
    }
    ids.resize(kept);
  }

  void grow(const Pair& pair, int64_t count, uint32_t word) {
    change(pair, count, word);
    touched_.push_back(pair);
  }

  std::vector<std::string> tokens_;  // in GPT-2's characters, by id
  std::vector<Pair> merges_;
  std::unordered_map<std::string, int64_t> counts_;
  std::vector<Word> words_;
  std::unordered_map<uint64_t, PairState> pairs_;
  std::unordered_map<std::string, uint32_t> new_ids_;
  std::priority_queue<Candidate> queue_;
  std::vector<Pair> touched_;  // pairs that the current merge made
};

// The 256 characters of bytes in code point order, which is the order of their ids.
std::vector<std::string> byte_alphabet(std::array<uint32_t, 256>& byte_ids) {
  std::vector<std::pair<char32_t, int>> characters;
  for (int byte = 0; byte < 256; ++byte)
    characters.emplace_back(byte_to_char(static_cast<uint8_t>(byte)), byte);
  std::sort(characters.begin(), characters.end());
  std::vector<std::string> alphabet;
  for (const auto& [character, byte] : characters) {
    byte_ids[static_cast<size_t>(byte)] = static_cast<uint32_t>(alphabet.size());
    append_utf8(alphabet.emplace_back(), character);
  }
  return alphabet;
}

void check_request(size_t vocab_size, std::span<const std::string> special_tokens,
                   const std::vector<std::string>& alphabet) {
  std::set<std::string> seen(alphabet.begin(), alphabet.end());
  for (const std::string& token : special_tokens) {
    if (token.empty() || !is_valid_utf8(token))
      throw Error(ExitCode::usage, "a special token is empty or not UTF-8");
    if (!seen.insert(token).second) {
      throw Error(ExitCode::usage, "the special token \"" + token + "\" stands twice or is a single byte");
    }
  }
  const size_t least = alphabet.size() + special_tokens.size();
  if (vocab_size < least) {
    throw Error(ExitCode::usage, "a vocabulary of " + std::to_string(vocab_size) + " tokens is too small", {},
                "256 bytes and the special tokens alone need " + std::to_string(least));
  }
}

base::Json byte_level() {
  return {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", false}, {"use_regex", false}};
}

// The vocabulary is written by hand: the ordered tree would look through all keys at every insertion.
std::string to_json(const Trainer& trainer, std::span<const std::string> special_tokens) {
  base::Json added = base::Json::array();
  size_t id = trainer.tokens().size();
  for (const std::string& token : special_tokens) {
    if (std::find(trainer.tokens().begin(), trainer.tokens().end(), token) != trainer.tokens().end()) {
      throw Error(ExitCode::usage, "the special token \"" + token + "\" is also a word of the text", {},
                  "choose a text like <|name|>");
    }
    added.push_back({{"id", id++},
                     {"content", token},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", true}});
  }
  base::Json split = {{"type", "Split"},
                      {"pattern", {{"Regex", kQwen2Pattern}}},
                      {"behavior", "Isolated"},
                      {"invert", false}};
  base::Json head = {{"version", "1.0"},
                     {"truncation", nullptr},
                     {"padding", nullptr},
                     {"added_tokens", added},
                     {"normalizer", {{"type", "NFC"}}},
                     {"pre_tokenizer", {{"type", "Sequence"}, {"pretokenizers", {split, byte_level()}}}},
                     {"post_processor", nullptr},
                     {"decoder", byte_level()}};
  std::string out = head.dump(1);
  out.resize(out.size() - 2);  // "\n}", to go on with the model
  out +=
      ",\n \"model\": {\n  \"type\": \"BPE\",\n  \"dropout\": null,\n  \"unk_token\": null,\n"
      "  \"continuing_subword_prefix\": \"\",\n  \"end_of_word_suffix\": \"\",\n  \"fuse_unk\": false,\n"
      "  \"byte_fallback\": false,\n  \"ignore_merges\": false,\n  \"vocab\": {";
  const auto quoted = [](const std::string& text) { return base::Json(text).dump(); };
  for (size_t i = 0; i < trainer.tokens().size(); ++i) {
    out += (i > 0 ? ",\n   " : "\n   ") + quoted(trainer.tokens()[i]) + ": " + std::to_string(i);
  }
  out += "\n  },\n  \"merges\": [";
  for (size_t i = 0; i < trainer.merges().size(); ++i) {
    const auto& [left, right] = trainer.merges()[i];
    out += (i > 0 ? ",\n   [" : "\n   [") + quoted(trainer.tokens()[left]) + ", " +
           quoted(trainer.tokens()[right]) + "]";
  }
  return out + "\n  ]\n }\n}\n";
}

}  // namespace

std::string train_bpe(std::span<const std::string> texts, size_t vocab_size,
                      std::span<const std::string> special_tokens) {
  std::array<uint32_t, 256> byte_ids{};
  std::vector<std::string> alphabet = byte_alphabet(byte_ids);
  check_request(vocab_size, special_tokens, alphabet);
  Trainer trainer(std::move(alphabet));
  const auto scanner = WordScanner::for_pattern(kQwen2Pattern);
  for (const std::string& text : texts) {
    const std::string valid = is_valid_utf8(text) ? text : replace_invalid_utf8(text);
    trainer.count(normalize_unicode(valid, UnicodeForm::nfc), *scanner);
  }
  trainer.learn(byte_ids, vocab_size - special_tokens.size());
  return to_json(trainer, special_tokens);
}

}  // namespace swift::text
