// Quantized bases, new tokens and Q-GaLore from the command line: train, infer, export, resume.
#include <catch2/catch.hpp>

#include "fixture.h"

using namespace swift;
using namespace swift::tests;

namespace {

const std::vector<std::string> kAsk = {"--prompt", "say 3 and 1",      "--temperature",
                                       "0",        "--max_new_tokens", "12"};

std::vector<std::string> with(std::vector<std::string> words, const std::vector<std::string>& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

Outcome done(const std::vector<std::string>& words) {
  const Outcome outcome = swift::tests::swift(words);
  INFO(outcome.err);
  REQUIRE(outcome.code == 0);
  return outcome;
}

}  // namespace

TEST_CASE("QLoRA trains, answers with its quantized base, merges onto its values and resumes exactly") {
  const fs::path output = scratch("qlora");
  const std::vector<std::string> quantized = {"--quant_method", "bnb", "--quant_bits", "4",
                                              "--save_steps",   "3"};
  done(train_words(output, quantized));
  const std::string answer = done(with({"infer", "--adapters", output / "checkpoint-6"}, kAsk)).out;
  const Outcome merged = done({"export", "--adapters", output / "checkpoint-6", "--merge_lora", "true",
                               "--output_dir", output / "merged"});
  CHECK(merged.err.find("quantized weights") != std::string::npos);
  CHECK(done(with({"infer", "--model", output / "merged"}, kAsk)).out == answer);
  const std::string adapter = contents(output / "checkpoint-6/adapter_model.safetensors");
  fs::remove_all(output / "checkpoint-6");
  done(train_words(output, with(quantized, {"--resume_from_checkpoint", output / "checkpoint-3"})));
  CHECK(contents(output / "checkpoint-6/adapter_model.safetensors") == adapter);
}

TEST_CASE("new tokens reach tokenizer, embeddings, checkpoints and the merged model") {
  const fs::path output = scratch("new-tokens");
  const size_t size = base::read_json(fixture().model / "config.json").at("vocab_size");
  std::string list;
  for (int i = 0; i < 9; ++i) list += std::string(i == 0 ? "" : "\n") + "<extra_" + std::to_string(i) + ">";
  write(output / "tokens.txt", list);
  const std::vector<std::string> wider = {"--new_special_tokens", output / "tokens.txt"};
  const Outcome trained = done(train_words(output / "run", wider));
  INFO(trained.err);
  const fs::path checkpoint = output / "run/checkpoint-6";
  CHECK(contents(checkpoint / "tokenizer.json").find("<extra_8>") != std::string::npos);
  const auto config = base::read_json(checkpoint / "adapter_config.json");
  CHECK(config.at("modules_to_save") == base::Json({"embed_tokens"}));
  CHECK(config.at("ensure_weight_tying") == true);
  const std::string answer = done(with({"infer", "--adapters", checkpoint}, kAsk)).out;
  done({"export", "--adapters", checkpoint, "--merge_lora", "true", "--output_dir", output / "merged"});
  CHECK(done(with({"infer", "--model", output / "merged"}, kAsk)).out == answer);
  CHECK(contents(output / "merged/tokenizer.json").find("<extra_8>") != std::string::npos);
  CHECK(base::read_json(output / "merged/config.json").at("vocab_size") >= size);
  done(train_words(output / "full", with(wider, {"--tuner_type", "full"})));
  CHECK(contents(output / "full/checkpoint-6/tokenizer.json").find("<extra_8>") != std::string::npos);
  done(with({"infer", "--model", output / "full/checkpoint-6"}, kAsk));
}
