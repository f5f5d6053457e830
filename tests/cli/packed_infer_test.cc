// Packed checkpoints in swift infer as a user runs it.
#include <catch2/catch.hpp>

#include "fixture.h"

using namespace swift;
using namespace swift::tests;

namespace {

using Words = std::vector<std::string>;

Outcome ask(const fs::path& model, const Words& more = {}) {
  Words words = {"infer", "--model",          model, "--prompt",     "say 1 and 2", "--temperature",
                 "0",     "--max_new_tokens", "24",  "--ignore_eos", "true"};
  words.insert(words.end(), more.begin(), more.end());
  return swift::tests::swift(words);
}

std::string answer(const fs::path& model, const Words& more = {}) {
  const Outcome outcome = ask(model, more);
  INFO(outcome.err);
  REQUIRE(outcome.code == 0);
  return outcome.out;
}

// The fixture's model rounded to nearest, in this form.
fs::path packed(const std::string& format) {
  const fs::path output = scratch("packed") / format;
  const Outcome outcome =
      swift::tests::swift({"export", "--model", fixture().model, "--quant_method", "rtn", "--quant_format",
                           format, "--group_size", "-1", "--output_dir", output});
  INFO(outcome.err);
  REQUIRE(outcome.code == 0);
  return output;
}

void edit_config(const fs::path& model, const std::function<void(base::Json&)>& change) {
  base::Json config = base::read_json(model / "config.json");
  change(config.at("quantization_config"));
  write(model / "config.json", config.dump());
}

}  // namespace

TEST_CASE("a packed model with an adapter answers as the adapter merged onto what its codes stand for") {
  const fs::path folder = scratch("packed-merge");
  for (const char* format : {"awq", "gptq", "gptq_v2", "compressed-tensors"}) {
    CAPTURE(format);
    const fs::path model = packed(format), run = folder / format / "run", merged = folder / format / "merged";
    Words train = train_words(run);
    train[2] = model;
    const Outcome trained = swift::tests::swift(train);
    INFO(trained.err);
    REQUIRE(trained.code == 0);
    const fs::path adapter = run / "checkpoint-6";
    const Outcome exported = swift::tests::swift(
        {"export", "--model", model, "--adapters", adapter, "--merge_lora", "true", "--output_dir", merged});
    INFO(exported.err);
    REQUIRE(exported.code == 0);
    CHECK(answer(model, {"--adapters", adapter}) == answer(merged));
  }
}

TEST_CASE("the layout cache is made once, used afterwards, and changes no answer") {
  const fs::path model = packed("awq"), file = model / "swift-layout.bin";
  const std::string want = answer(model);
  const Outcome first = ask(model, {"--layout_cache", "true"});
  CHECK(first.out == want);
  CHECK(first.err.find("layout_cache: wrote") != std::string::npos);
  const auto written = fs::last_write_time(file);
  const Outcome second = ask(model, {"--layout_cache", "true"});
  CHECK(second.out == want);
  CHECK(second.err.find("layout_cache") == std::string::npos);
  CHECK(fs::last_write_time(file) == written);
  fs::resize_file(file, fs::file_size(file) / 2);
  const Outcome third = ask(model, {"--layout_cache", "true"});
  CHECK(third.out == want);
  CHECK(third.err.find("is damaged") != std::string::npos);
  CHECK(third.err.find("layout_cache: wrote") != std::string::npos);
}

TEST_CASE("8-bit activations and an 8-bit head answer, and are refused where they mean nothing") {
  const fs::path model = packed("gptq");
  CHECK_FALSE(answer(model, {"--cpu_act", "int8", "--lm_head_dtype", "int8"}).empty());
  const Outcome refused = ask(fixture().model, {"--cpu_act", "int8"});
  CHECK(refused.code == 2);
  CHECK(refused.err.find("cpu_act: int8 is for AWQ and GPTQ weights") != std::string::npos);
  CHECK_FALSE(answer(fixture().model, {"--lm_head_dtype", "int8"}).empty());
}

TEST_CASE("a packed checkpoint that contradicts itself is refused, with the module named") {
  const auto refusal = [](const fs::path& model, const std::string& what) {
    const Outcome outcome = ask(model);
    CAPTURE(outcome.err, what);
    CHECK(outcome.code != 0);
    CHECK(outcome.out.empty());
    CHECK(outcome.err.find("model.layers.0.self_attn.q_proj") != std::string::npos);
    CHECK(outcome.err.find(what) != std::string::npos);
  };
  const fs::path groups = packed("awq");
  edit_config(groups, [](base::Json& q) { q["group_size"] = 16; });
  refusal(groups, "config.json says 16");
  // Version 1 holds zero points less one: read as version 2 they are not in the middle.
  const fs::path zeros = packed("gptq");
  edit_config(zeros, [](base::Json& q) { q["checkpoint_format"] = "gptq_v2"; });
  refusal(zeros, "zero points are not all in the middle");
  const fs::path order = packed("gptq");
  edit_config(order, [](base::Json& q) { q["desc_act"] = true; });
  std::string bytes = contents(order / "model.safetensors");
  for (size_t at = 0; (at = bytes.find(".g_idx\"", at)) != std::string::npos;) bytes[at + 1] = 'h';
  write(order / "model.safetensors", bytes);
  refusal(order, "'g_idx' is missing, but config.json has desc_act: true");
}
