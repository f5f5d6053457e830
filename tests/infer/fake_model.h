// A model whose logits are a function of the sequence, and a tokenizer of bytes: what the tests of generation
// run on.
#pragma once
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
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

struct ModelSize {
  int64_t positions = 4096;
  int64_t block_tokens = 4;
  int64_t blocks = 4096;
};

// Keeps each token in the block the engine names, and reads the sequence back from there: an error in a block
// table, a block given to two sequences or a prefix that is another's changes the logits or fails a test.
class Model : public StepModel {
 public:
  explicit Model(Rule rule, int64_t positions = 4096) : Model(std::move(rule), ModelSize{positions}) {}
  Model(Rule rule, const ModelSize& size)
      : rule_(std::move(rule)), size_(size), slots_(static_cast<size_t>(size.blocks * size.block_tokens)) {}

  int64_t vocab_size() const override { return kVocab; }
  int64_t max_positions() const override { return size_.positions; }
  int64_t block_tokens() const override { return size_.block_tokens; }
  int64_t blocks() const override { return size_.blocks; }

  std::span<const float> forward(std::span<const Step> steps) override {
    calls.emplace_back();
    logits_.clear();
    for (const Step& step : steps) {
      calls.back().push_back(step.tokens.size());
      write(step);
    }
    // All of a call's keys and values are written before any is read.
    for (const Step& step : steps) read(step);
    if (on_forward) on_forward();
    return logits_;
  }

  // (count of tokens, last token)
  std::vector<std::vector<float>> embed(std::span<const Step> steps) override {
    std::vector<std::vector<float>> results;
    for (const Step& step : steps) {
      write(step);
      results.push_back({static_cast<float>(step.tokens.size()), static_cast<float>(step.tokens.back())});
    }
    return results;
  }

  int32_t load_adapter(const std::filesystem::path& directory) override {
    if (directory.empty()) throw base::Error(base::ExitCode::model, "no adapter there");
    adapters.insert(next_adapter_);
    return next_adapter_++;
  }
  void unload_adapter(int32_t adapter) override { REQUIRE(adapters.erase(adapter) == 1); }

  std::vector<std::vector<size_t>> calls;  // tokens of each step of each call
  std::function<void()> on_forward;
  std::set<int32_t> adapters;  // loaded

 private:
  struct Slot {
    int32_t token = -1;
    int32_t adapter = -1;
    int64_t position = -1;
  };
  Slot& slot(const Step& step, int64_t position) {
    const int32_t block = step.blocks[static_cast<size_t>(position / size_.block_tokens)];
    return slots_[static_cast<size_t>(block * size_.block_tokens + position % size_.block_tokens)];
  }
  void write(const Step& step) {
    const auto tokens = static_cast<int64_t>(step.tokens.size());
    const int64_t end = step.start + tokens;
    if (tokens == 0 || end > size_.positions)
      FAIL("a step has no tokens, or more than the model's positions");
    if (static_cast<int64_t>(step.blocks.size()) != (end + size_.block_tokens - 1) / size_.block_tokens) {
      FAIL("the block table does not cover the step");
    }
    if (step.adapter >= 0 && !adapters.contains(step.adapter)) FAIL("the adapter is not loaded");
    for (int64_t i = 0; i < tokens; ++i) {
      slot(step, step.start + i) = {step.tokens[static_cast<size_t>(i)], step.adapter, step.start + i};
    }
  }
  void read(const Step& step) {
    std::vector<int32_t> sequence;
    const int64_t end = step.start + static_cast<int64_t>(step.tokens.size());
    for (int64_t position = 0; position < end; ++position) {
      const Slot& at = slot(step, position);
      if (at.position != position || at.adapter != step.adapter) FAIL("the block holds something else");
      if (position >= step.start && at.token != step.tokens[static_cast<size_t>(position - step.start)]) {
        FAIL("a block was written by two sequences");
      }
      sequence.push_back(at.token);
      if (position < end - step.logits) continue;
      logits_.resize(logits_.size() + kVocab);
      const auto row = std::span(logits_).last(kVocab);
      rule_(sequence, row);
      // An adapter gives other answers.
      std::rotate(row.begin(), row.begin() + step.adapter + 1, row.begin() + 128);
    }
  }

  Rule rule_;
  ModelSize size_;
  std::vector<Slot> slots_;
  int32_t next_adapter_ = 0;
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

// The same, of printable bytes and now and then the end.
inline Rule scrambled_text() {
  return [](const auto& sequence, std::span<float> logits) {
    scrambled()(sequence, logits);
    for (size_t id = 0; id < logits.size(); ++id) {
      if ((id < 32 || id > 126) && id != static_cast<size_t>(kEnd)) logits[id] -= 50;
    }
  };
}

}  // namespace swift::infer::fake
