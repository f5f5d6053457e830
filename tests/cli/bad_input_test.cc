// What goes wrong at a user's: exit code, a message that names the fault, and nothing on stdout.
#include <catch2/catch.hpp>

#include "fixture.h"

using namespace swift;
using namespace swift::tests;

namespace {

void check_fails(const std::vector<std::string>& words, int code, const std::string& message) {
  const Outcome outcome = swift::tests::swift(words);
  CAPTURE(words, outcome.err);
  CHECK(outcome.code == code);
  CHECK(outcome.err.find(message) != std::string::npos);
  CHECK(outcome.out.empty());
}

// A copy of the fixture's model that the test may break.
fs::path model_copy(const std::string& name) {
  const fs::path copy = scratch(name);
  fs::copy(fixture().model, copy, fs::copy_options::recursive | fs::copy_options::overwrite_existing);
  return copy;
}

void edit_config(const fs::path& model, const std::function<void(base::Json&)>& edit) {
  base::Json config = base::read_json(model / "config.json");
  edit(config);
  write(model / "config.json", config.dump());
}

std::vector<std::string> infer_with(const fs::path& model) {
  return {"infer", "--model", model, "--prompt", "hi", "--max_new_tokens", "2"};
}

std::vector<std::string> train_on(const std::string& name, const std::string& text) {
  const fs::path at = scratch(name);
  write(at / "data.jsonl", text);
  std::vector<std::string> words = train_words(at / "out");
  words[4] = at / "data.jsonl";
  return words;
}

}  // namespace

TEST_CASE("model files that are missing or broken end with 4") {
  check_fails(infer_with("/nonexistent"), 4, "does not exist");
  fs::path model = model_copy("no-weights");
  fs::remove(model / "model.safetensors");
  check_fails(infer_with(model), 4, "no model.safetensors");
  model = model_copy("truncated");
  fs::resize_file(model / "model.safetensors", fs::file_size(model / "model.safetensors") - 100);
  check_fails(infer_with(model), 4, "truncated");
  fs::resize_file(model / "model.safetensors", 5);
  check_fails(infer_with(model), 4, "truncated");
  model = model_copy("no-shard");
  write(model / "model.safetensors.index.json",
        R"({"weight_map": {"model.norm.weight": "model-00001-of-00002.safetensors"}})");
  check_fails(infer_with(model), 4, "model-00001-of-00002.safetensors");
  model = model_copy("shape");
  edit_config(model, [](base::Json& config) { config["intermediate_size"] = 64; });
  check_fails(infer_with(model), 4, "has shape");
  model = model_copy("architecture");
  edit_config(model, [](base::Json& config) { config["architectures"] = {"MambaForCausalLM"}; });
  check_fails(infer_with(model), 4, "supported: LlamaForCausalLM, Qwen2ForCausalLM, Qwen3ForCausalLM");
  model = model_copy("config");
  write(model / "config.json", "{\"architectures\": ");
  check_fails(infer_with(model), 4, "config.json:1:");
  model = model_copy("tokenizer");
  write(model / "tokenizer.json", R"({"model": {"type": "Unigram", "vocab": []}})");
  check_fails(infer_with(model), 4, "Unigram");
}

TEST_CASE("data that cannot be used ends with 3 and its place") {
  check_fails(train_on("malformed", rows(2) + "{\"messages\": [}\n"), 3, "data.jsonl:3:");
  check_fails(train_on("empty", ""), 3, "data.jsonl");
  check_fails(train_on("schema", "{\"foo\": 1}\n"), 3, "foo");
  std::string words;
  for (int i = 0; i < 400; ++i) words += "word ";
  const std::string long_row = R"({"messages": [{"role": "user", "content": ")" + words +
                               R"("}, {"role": "assistant", "content": "x"}]})"
                               "\n";
  check_fails(train_on("too-long", long_row), 3, "data.jsonl:1");
  const Outcome dropped = swift::tests::swift(train_on("one-too-long", rows(8) + long_row));
  INFO(dropped.err);
  CHECK(dropped.code == 0);
  CHECK(dropped.err.find("data.jsonl:9") != std::string::npos);
  check_fails(
      train_on(
          "nothing",
          R"({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "loss": false}]})"
          "\n"),
      3, "data.jsonl:1");
  auto missing = train_words(scratch("missing") / "out");
  missing[4] = "/nonexistent.jsonl";
  check_fails(missing, 3, "/nonexistent.jsonl");
}

TEST_CASE("a template that raises, is malformed or begins twice is refused") {
  const fs::path at = scratch("template");
  const auto check = [&](const std::string& name, const std::string& text, const std::string& message) {
    write(at / name, text);
    check_fails(train_words(at / "out", {"--chat_template", at / name}), 3, message);
  };
  const std::string turns =
      "{% for m in messages %}{{ m.role + ':' + m.content + '<|im_end|>' }}{% endfor %}";
  check("raise.jinja", "{{ raise_exception('no such role here') }}", "no such role here");
  write(at / "broken.jinja", "{% for m in messages %}");
  check_fails(train_words(at / "out", {"--chat_template", at / "broken.jinja"}), 4, "broken.jinja:1:");
  const fs::path model = model_copy("twice");
  base::Json config = base::read_json(model / "tokenizer_config.json");
  config["bos_token"] = "<|endoftext|>";
  write(model / "tokenizer_config.json", config.dump());
  write(at / "twice.jinja", "{{ bos_token + bos_token }}" + turns);
  check_fails(train_words(at / "out", {"--model", model, "--chat_template", at / "twice.jinja"}), 3,
              "begins with two <|endoftext|>");
}

TEST_CASE("settings that cannot be are named, all at once, with their place") {
  const fs::path at = scratch("settings");
  write(at / "task.yaml", "model: x\nlearning_rat: 1e-4\nlora_rank: 0\nmodel: y\npacking: maybe\n");
  const Outcome outcome = swift::tests::swift({"train", at / "task.yaml"});
  CHECK(outcome.code == 2);
  CHECK(outcome.out.empty());
  for (const char* part : {"task.yaml:2:1: error: unknown key 'learning_rat'; did you mean 'learning_rate'?",
                           "task.yaml:3:12: error: lora_rank: 0 is below 1",
                           "task.yaml:4:1:", "task.yaml:5:10:", "5 errors; nothing was run"}) {
    CAPTURE(part, outcome.err);
    CHECK(outcome.err.find(part) != std::string::npos);
  }
  check_fails(train_words(at / "out", {"--lora_rank", "4096"}), 2, "does not fit");
  check_fails(train_words(at / "out", {"--target_modules", "q_porj"}), 2, "did you mean 'q_proj'");
  check_fails(train_words(at / "out", {"--method", "dpo"}), 3, "no rejected answer");
  for (const auto& [flag, value] :
       std::vector<std::pair<std::string, std::string>>{{"top_p", "1.5"},
                                                        {"temperature", "-1"},
                                                        {"top_k", "-2"},
                                                        {"min_p", "2"},
                                                        {"repetition_penalty", "0"},
                                                        {"max_new_tokens", "0"}}) {
    check_fails({"infer", "--model", fixture().model, "--prompt", "hi", "--" + flag, value}, 2, flag);
  }
}

TEST_CASE("an output directory that cannot be written ends with 1") {
  const fs::path at = scratch("output");
  write(at / "file", "x");
  check_fails(train_words(at / "file" / "out"), 1, "cannot create the directory");
}

TEST_CASE("a prompt longer than the context ends with 3, an adapter of another base with 4") {
  std::string prompt;
  for (int i = 0; i < 300; ++i) prompt += "long ";
  check_fails({"infer", "--model", fixture().model, "--prompt", prompt}, 3, "128");
  const fs::path adapter = fs::path(SWIFT_SOURCE_DIR) / "tests/golden/peft/qwen3_all_linear";
  check_fails({"infer", "--model", fixture().model, "--adapters", adapter, "--prompt", "hi"}, 4, "shape");
}

TEST_CASE("weights and sizes that contradict themselves end with 4, not with a crash") {
  const fs::path model = model_copy("damaged");
  const std::string good = contents(model / "model.safetensors");
  const auto with_header = [&](std::string header) {
    const uint64_t size = header.size();
    write(model / "model.safetensors",
          std::string(reinterpret_cast<const char*>(&size), sizeof size) + header);
    check_fails(infer_with(model), 4, "model.safetensors");
  };
  with_header("");
  with_header("[]");
  with_header(std::string(100'000, '['));
  with_header(R"({"a": 1})");
  with_header(R"({"a": {"dtype": [], "shape": [], "data_offsets": [0, 0]}})");
  with_header(R"({"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}})");
  with_header(R"({"a": {"dtype": "F32", "shape": [4294967296, 4294967296], "data_offsets": [0, 0]}})");
  write(model / "model.safetensors", good);
  for (const char* edit :
       {R"({"num_hidden_layers": 2147483647})", R"({"rms_norm_eps": -1})", R"({"rope_theta": 0})",
        R"({"num_key_value_heads": 3})", R"({"hidden_size": "wide"})", R"({"head_dim": 7})",
        R"({"vocab_size": -5})", R"({"hidden_act": "gelu"})"}) {
    const base::Json change = base::Json::parse(edit);
    const std::string before = contents(model / "config.json");
    edit_config(model, [&](base::Json& config) { config.update(change); });
    CAPTURE(edit);
    check_fails(infer_with(model), 4, "config.json");
    write(model / "config.json", before);
  }
}

TEST_CASE("an adapter without its model, or files that infer cannot use, are told apart") {
  const fs::path at = scratch("adapter");
  check_fails({"infer", "--adapters", at / "none", "--prompt", "hi"}, 4, "none");
  write(at / "lonely/adapter_config.json", R"({"peft_type": "LORA", "r": 8, "target_modules": ["q_proj"]})");
  check_fails({"infer", "--adapters", at / "lonely", "--prompt", "hi"}, 2, "model");
  write(at / "lonely/args.json", R"({"model": "/nonexistent-model"})");
  check_fails({"infer", "--adapters", at / "lonely", "--prompt", "hi"}, 4, "/nonexistent-model");
  write(at / "rows.jsonl", rows(1) + "{\n");
  const std::vector<std::string> answer = {"infer", "--model", fixture().model, "--max_new_tokens", "1"};
  auto words = answer;
  words.insert(words.end(), {"--infer_input", at / "rows.jsonl", "--result_path", at / "out.jsonl"});
  check_fails(words, 3, "rows.jsonl:2:");
  CHECK_FALSE(fs::exists(at / "out.jsonl"));
  write(at / "rows.jsonl", rows(1));
  words = answer;
  words.insert(words.end(), {"--infer_input", at / "rows.jsonl", "--result_path", at / "rows.jsonl/out"});
  check_fails(words, 1, "rows.jsonl/out");
  words.back() = "/dev/full";
  check_fails(words, 1, "No space left");
}
