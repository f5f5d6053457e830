// Blocks of a GGUF file against ggml's own quantizers: tests/golden/gguf_blocks.py (llama_cpp 0.3.36).
#include <catch2/catch.hpp>

#include "../model/golden.h"
#include "base/format.h"
#include "model/safetensors.h"
#include "quant/gguf/blocks/blocks.h"

using namespace swift;
namespace gguf = quant::gguf;
using gguf::TensorType;

TEST_CASE("blocks have ggml's bytes") {
  const auto files = model::TensorFiles::from_file(tests::golden("gguf_blocks.safetensors"));
  for (const TensorType type : {TensorType::f16, TensorType::bf16, TensorType::q8_0, TensorType::q4_0,
                                TensorType::q5_0, TensorType::q4_k, TensorType::q6_k}) {
    for (const std::string name : {"plain", "heavy", "shifted", "rounded", "odd"}) {
      CAPTURE(name, gguf::info(type).name);
      const at::Tensor x = files.get(name + ".x").contiguous();
      const at::Tensor expected = files.get(base::cat(name, ".", gguf::info(type).name));
      at::Tensor found = at::empty(expected.sizes(), at::kByte);
      gguf::encode(type, x.const_data_ptr<float>(), x.numel(), found.data_ptr<uint8_t>());
      CHECK(found.ne(expected).sum().item<int64_t>() == 0);
    }
  }
}
