#include "config/quantization.h"

#include <catch2/catch.hpp>

#include "given.h"

using namespace swift::config;
using Catch::Contains;

namespace {

std::string refusal_of(const std::string& yaml) {
  try {
    resolved(yaml, "export");
    return "";
  } catch (const swift::base::Error& error) {
    CHECK(error.code() == swift::base::ExitCode::usage);
    return error.what();
  }
}

const std::string kData = "dataset: calibration.jsonl\n";

}  // namespace

TEST_CASE("each method has its bits, its form and its zero points") {
  struct Case {
    std::string given;
    int64_t bits;
    std::string format;
    bool sym;
  };
  const Case cases[] = {{"quant_method: awq\n", 4, "awq", false},
                        {"quant_method: awq\nquant_bits: 8\n", 8, "compressed-tensors", false},
                        {"quant_method: awq\nquant_bits: 3\n", 3, "gptq", false},
                        {"quant_method: gptq\n", 4, "gptq", true},
                        {"quant_method: gptq\nquant_bits: 8\nquant_format: gptq_v2\n", 8, "gptq_v2", true},
                        {"quant_method: rtn\nquant_format: awq\n", 4, "awq", false},
                        {"quant_method: fp8\n", 8, "fp8", true}};
  for (const Case& c : cases) {
    CAPTURE(c.given);
    const Task task = resolved(c.given + kData, "export");
    CHECK(task.quant_bits == c.bits);
    CHECK(task.quant_format == c.format);
    CHECK(task.quant_sym == c.sym);
  }
}

TEST_CASE("settings of a quantization that do not go together are refused by name") {
  const auto refused = [](const std::string& yaml, const std::string& message) {
    CAPTURE(yaml);
    CHECK_THAT(refusal_of(yaml + kData), Contains(message));
  };
  refused("quant_method: gptq\nquant_bits: 5\n", "quant_bits: 5 and quant_method: gptq: it has 2, 3, 4, 8");
  refused("quant_method: fp8\nquant_bits: 4\n", "quant_bits: 4 and quant_method: fp8: it has 8");
  refused("quant_method: gptq\ngroup_size: 48\n", "group_size: 48 is not supported");
  refused("quant_method: gptq\nquant_format: awq\n", "quant_format: awq and quant_method: gptq");
  refused("quant_method: awq\nquant_bits: 8\nquant_format: awq\n", "quant_bits: 8 and quant_format: awq");
  refused("quant_method: awq\nquant_sym: true\n", "quant_sym: true and quant_format: awq");
  refused("quant_method: awq\ndamp_percent: 0.1\n", "damp_percent and quant_method: awq");
  refused("quant_method: gptq\nawq_clip: false\n", "awq_clip and quant_method: gptq");
  refused("quant_method: gptq\nquant_bits: 3\nquant_format: compressed-tensors\n",
          "quant_bits: 3 and quant_format: compressed-tensors");
  refused("quant_method: gptq\nact_order: group\nquant_format: compressed-tensors\n",
          "act_order: group and quant_format: compressed-tensors");
  refused("quant_method: awq\nquant_dynamic: '{\"-:.*down.*\": {}}'\n",
          "quant_dynamic and quant_format: awq exclude each other");
  for (const std::string method : {"awq", "gptq"})
    CHECK_THAT(refusal_of("quant_method: " + method + "\n"), Contains("needs a dataset to calibrate with"));
  CHECK(refusal_of("quant_method: rtn\n").empty());
  CHECK(refusal_of("quant_method: fp8\n").empty());
}
