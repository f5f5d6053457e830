// A tiny chat model made by our own commands, shared by the tests of one process.
#pragma once
#include <catch2/catch.hpp>

#include "base/json.h"
#include "process.h"

namespace swift::tests {

inline std::string rows(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    const std::string a = std::to_string(i % 7), b = std::to_string(i % 5);
    text += R"({"messages": [{"role": "user", "content": "say )" + a + " and " + b +
            R"("}, {"role": "assistant", "content": "here is )" + a + " then " + b + R"("}]})" + "\n";
  }
  return text;
}

inline const char* kTinyConfig =
    R"({"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "vocab_size": 320,
 "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
 "head_dim": 8, "max_position_embeddings": 128, "rms_norm_eps": 1e-6, "rope_theta": 10000.0,
 "tie_word_embeddings": true, "hidden_act": "silu", "eos_token_id": 2, "dtype": "float32"})";

struct Fixture {
  fs::path root, model, data;
};

// The last line of a log.
inline base::Json last_line(const fs::path& log) {
  std::string text = contents(log), line;
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return base::Json::parse(text.substr(text.rfind('\n') + 1));
}

inline const Fixture& fixture() {
  static const Fixture made = [] {
    Fixture f;
    f.root = scratch("fixture");
    f.data = f.root / "chat.jsonl";
    write(f.data, rows(40));
    write(f.root / "blank/config.json", kTinyConfig);
    const Outcome tokenizer =
        swift({"tokenize", "--train", f.data, "--vocab_size", "320", "--output_dir", f.root / "blank"});
    INFO(tokenizer.err);
    REQUIRE(tokenizer.code == 0);
    const base::Json made_tokenizer = base::read_json(f.root / "blank/tokenizer.json");
    const size_t size = made_tokenizer.at("model").at("vocab").size() + 3;
    base::Json config = base::Json::parse(kTinyConfig);
    config["vocab_size"] = std::max<size_t>(size, 320);
    write(f.root / "blank/config.json", config.dump());
    const Outcome trained = swift({"pt", "--tuner_type", "full", "--train_from_scratch", "true", "--model",
                                   f.root / "blank", "--dataset", f.data, "--max_steps", "2", "--output_dir",
                                   f.root / "pt", "--add_version", "false"});
    INFO(trained.err);
    REQUIRE(trained.code == 0);
    f.model = f.root / "pt/checkpoint-2";
    return f;
  }();
  return made;
}

// The words of a short LoRA run on the fixture.
inline std::vector<std::string> train_words(const fs::path& output,
                                            const std::vector<std::string>& more = {}) {
  std::vector<std::string> words = {"train",
                                    "--model",
                                    fixture().model,
                                    "--dataset",
                                    fixture().data,
                                    "--max_length",
                                    "64",
                                    "--per_device_train_batch_size",
                                    "2",
                                    "--gradient_accumulation_steps",
                                    "2",
                                    "--max_steps",
                                    "6",
                                    "--logging_steps",
                                    "1",
                                    "--add_version",
                                    "false",
                                    "--output_dir",
                                    output,
                                    "--learning_rate",
                                    "1e-3"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

}  // namespace swift::tests
