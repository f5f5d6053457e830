#include "config/base_weights.h"

#include <catch2/catch.hpp>

#include "config/resolve.h"
#include "given.h"

using namespace swift::config;

namespace {

std::string refusal_of(const std::string& yaml, const char* verb = "train") {
  try {
    Task task = given(yaml).task;
    resolve(task, verb);
    return "";
  } catch (const swift::base::Error& error) {
    CHECK(error.code() == swift::base::ExitCode::usage);
    return error.what();
  }
}

}  // namespace

TEST_CASE("a quantized base is accepted in 4 and 8 bits") {
  CHECK(refusal_of("quant_method: bnb\nquant_bits: 4\nbnb_4bit_quant_type: fp4\n").empty());
  CHECK(refusal_of("quant_method: bnb\nquant_bits: 8\nuse_dora: true\n").empty());
  CHECK(refusal_of("quant_method: bnb\nquant_bits: 4\n", "infer").empty());
}

TEST_CASE("what a quantized base excludes is refused, naming both") {
  const std::string bnb = "quant_method: bnb\nquant_bits: 4\n";
  CHECK(contains(refusal_of(bnb + "tuner_type: full\n"),
                 "tuner_type: full and quant_method: bnb exclude each other"));
  CHECK(contains(refusal_of(bnb + "init_weights: pissa_niter_4\n"),
                 "init_weights: pissa_niter_4 and quant_method: bnb"));
  CHECK(contains(refusal_of(bnb + "train_from_scratch: true\n"), "train_from_scratch and quant_method: bnb"));
  CHECK(contains(refusal_of("quant_method: bnb\n"), "needs quant_bits"));
  CHECK(contains(refusal_of("quant_method: bnb\nquant_bits: 3\n"), "quant_bits: 3 and quant_method: bnb"));
  CHECK(contains(refusal_of("quant_method: bnb\nquant_bits: 8\nbnb_4bit_quant_type: fp4\n"),
                 "bnb_4bit_quant_type and quant_bits: 8"));
  CHECK(contains(refusal_of("quant_bits: 4\n"), "quant_bits needs quant_method"));
  CHECK(contains(refusal_of("quant_method: awq\n"), "quant_method: awq is for export"));
}

TEST_CASE("new tokens come from the list and from files, each once") {
  const auto file = given_file("tokens.txt", "<b>\r\n\n<c>\n<a>\n");
  Task task = given("new_special_tokens: ['<a>', '" + file.string() + "']\n").task;
  resolve(task, "train");
  CHECK(task.new_special_tokens == std::vector<std::string>{"<a>", "<b>", "<c>"});
  CHECK(contains(refusal_of("new_special_tokens: [missing.txt]\n"), "missing.txt"));
  CHECK(contains(refusal_of("new_special_tokens: ['']\n"), "a token is empty"));
  const auto blank = given_file("blank.txt", "\n\n");
  CHECK(contains(refusal_of("new_special_tokens: ['" + blank.string() + "']\n"), "has no token"));
}
