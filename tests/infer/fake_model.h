// A model whose logits are a function of the sequence, and a tokenizer of bytes: what the tests of generation
// run on.
#pragma once
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "infer/step_model.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace swift::infer::fake {

// Ids 0 to 255 are the bytes; then these special tokens; then one row of padding that the tokenizer lacks.
constexpr int32_t kEnd = 256;        // <|im_end|>
constexpr int32_t kStart = 257;      // <|im_start|>
constexpr int32_t kEndOfText = 258;  // <|endoftext|>
constexpr int32_t kPadding = 259;
constexpr int64_t kVocab = 260;

// A folder that goes when it goes out of scope.
struct TemporaryFolder {
  std::filesystem::path path;
  TemporaryFolder() {
    static int number = 0;
    path = std::filesystem::temp_directory_path() /
           ("swift-infer-test-" + std::to_string(::getpid()) + "-" + std::to_string(number++));
    std::filesystem::create_directories(path);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  ~TemporaryFolder() { std::filesystem::remove_all(path); }
};

inline std::string utf8(uint32_t code) {
  if (code < 0x80) return {static_cast<char>(code)};
  return {static_cast<char>(0xC0 | code >> 6), static_cast<char>(0x80 | (code & 0x3F))};
}

// The vocabulary of byte-level BPE without merges: printable bytes stand for themselves, the others for
// U+0100 up.
inline text::Tokenizer byte_tokenizer() {
  base::Json vocab = base::Json::object();
  uint32_t next = 0x100;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
    vocab[utf8(printable ? byte : next++)] = byte;
  }
  base::Json added = base::Json::array();
  int32_t id = kEnd;
  for (const char* content : {"<|im_end|>", "<|im_start|>", "<|endoftext|>"}) {
    added.push_back({{"id", id++},
                     {"content", content},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", true}});
  }
  const base::Json byte_level = {
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", false}, {"use_regex", false}};
  const base::Json tokenizer = {{"version", "1.0"},
                                {"truncation", nullptr},
                                {"padding", nullptr},
                                {"added_tokens", added},
                                {"normalizer", nullptr},
                                {"pre_tokenizer", byte_level},
                                {"post_processor", nullptr},
                                {"decoder", byte_level},
                                {"model",
                                 {{"type", "BPE"},
                                  {"dropout", nullptr},
                                  {"unk_token", nullptr},
                                  {"continuing_subword_prefix", ""},
                                  {"end_of_word_suffix", ""},
                                  {"fuse_unk", false},
                                  {"byte_fallback", false},
                                  {"vocab", vocab},
                                  {"merges", base::Json::array()}}}};
  const TemporaryFolder folder;
  std::ofstream(folder.path / "tokenizer.json") << tokenizer.dump();
  return text::Tokenizer::load(folder.path / "tokenizer.json");
}

// ChatML without the line break after <|im_end|>; says "T" after the role when enable_thinking is true.
inline text::ChatTemplate chat_template() {
  return text::ChatTemplate::from_source(
      "{%- for m in messages %}<|im_start|>{{ m.role }}:{{ m.content }}<|im_end|>{% endfor %}"
      "{%- if add_generation_prompt %}<|im_start|>assistant{{ 'T' if enable_thinking else '' }}:{% endif %}",
      {{"eos_token", "<|endoftext|>"}}, "test");
}

// "<|im_start|>user:hi<|im_end|>…" as text, for models that look at the conversation.
inline std::string text_of(const std::vector<int32_t>& sequence) {
  static const char* const kSpecial[] = {"<|im_end|>", "<|im_start|>", "<|endoftext|>", "<pad>"};
  std::string text;
  for (const int32_t id : sequence) {
    if (id < kEnd) {
      text += static_cast<char>(id);
    } else {
      text += kSpecial[id - kEnd];
    }
  }
  return text;
}

inline std::vector<int32_t> bytes(const std::string& text) {
  std::vector<int32_t> ids;
  for (const char c : text) ids.push_back(static_cast<unsigned char>(c));
  return ids;
}

// Fills (vocab) logits, all 0 before, from the tokens so far.
using Rule = std::function<void(const std::vector<int32_t>& sequence, std::span<float> logits)>;

class Model : public StepModel {
 public:
  explicit Model(Rule rule, int64_t positions = 4096) : rule_(std::move(rule)), positions_(positions) {}

  int64_t vocab_size() const override { return kVocab; }
  int64_t max_positions() const override { return positions_; }
  int64_t open() override {
    sequences_[next_] = {};
    return next_++;
  }
  void close(int64_t sequence) override { REQUIRE(sequences_.erase(sequence) == 1); }
  std::span<const float> forward(std::span<const Step> steps) override {
    calls.emplace_back();
    logits_.assign(steps.size() * kVocab, 0.0F);
    for (size_t i = 0; i < steps.size(); ++i) {
      REQUIRE(!steps[i].tokens.empty());
      auto& sequence = sequences_.at(steps[i].sequence);
      sequence.insert(sequence.end(), steps[i].tokens.begin(), steps[i].tokens.end());
      REQUIRE(static_cast<int64_t>(sequence.size()) <= positions_);
      calls.back().push_back(steps[i].tokens.size());
      rule_(sequence, std::span(logits_).subspan(i * kVocab, kVocab));
    }
    if (on_forward) on_forward();
    return logits_;
  }
  size_t open_sequences() const { return sequences_.size(); }

  std::vector<std::vector<size_t>> calls;  // tokens of each step of each call
  std::function<void()> on_forward;

 private:
  Rule rule_;
  int64_t positions_;
  int64_t next_ = 0;
  std::map<int64_t, std::vector<int32_t>> sequences_;
  std::vector<float> logits_;
};

// Writes `answer` and then <|im_end|> after every prompt that ends with `marker`.
inline Rule answering(std::string marker, std::string answer) {
  return [marker = bytes(marker), answer = bytes(answer)](const auto& sequence, std::span<float> logits) {
    const auto at = std::find_end(sequence.begin(), sequence.end(), marker.begin(), marker.end());
    const auto written = static_cast<size_t>(sequence.end() - at) - std::min(marker.size(), sequence.size());
    logits[static_cast<size_t>(written < answer.size() ? answer[written] : kEnd)] = 20;
  };
}

// Answers each conversation by a function of its text up to the last "assistant:", then <|im_end|>.
inline Rule replying(std::function<std::string(const std::string& prompt)> reply) {
  return [reply = std::move(reply)](const auto& sequence, std::span<float> logits) {
    const std::string text = text_of(sequence);
    const std::string marker = "<|im_start|>assistant:";
    const size_t at = text.rfind(marker);
    if (at == std::string::npos || at + marker.size() > text.size()) return;
    const std::string answer = reply(text.substr(0, at));
    const size_t written = text.size() - at - marker.size();
    logits[static_cast<size_t>(written < answer.size() ? static_cast<unsigned char>(answer[written])
                                                       : kEnd)] = 20;
  };
}

// Logits that look random and depend on the whole sequence.
inline Rule scrambled() {
  return [](const auto& sequence, std::span<float> logits) {
    uint64_t hash = 1469598103934665603ULL;
    for (const int32_t id : sequence) hash = (hash ^ static_cast<uint64_t>(id)) * 1099511628211ULL;
    for (float& logit : logits) {
      hash = hash * 6364136223846793005ULL + 1442695040888963407ULL;
      logit = static_cast<float>(hash >> 40) * 0x1p-22F - 2;
    }
  };
}

}  // namespace swift::infer::fake
