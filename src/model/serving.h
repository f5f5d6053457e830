// A decoder that answers instead of being trained: weights laid out for reading, adapters by row.
#pragma once
#include <filesystem>
#include <memory>
#include <vector>

#include "model/decoder.h"
#include "model/layout_cache.h"

namespace swift::model {

// How quantized weights are computed with.
struct ServingForm {
  bool int8_activations = false;  // of linears with grouped weights and an 8-bit head (ops::lay_out_codes)
  bool int8_head = false;         // the head is rounded to 8 bits (ops::int8_codes)
  std::shared_ptr<LayoutCache> cache = {};  // gives the head, and is written where it is missing; or null
};

// Re-lays every full weight of the blocks and the head (ops/packed_weight.h), and those of AWQ and GPTQ
// checkpoints (ops/code_panels.h). The decoder must not be trained, merged or saved afterwards. An attached
// adapter answers rows of kOwnAdapter from then on (DoRA and updates of the vocabulary are merged first).
void lay_out_for_serving(Decoder& decoder, const ServingForm& form = {});

// A decoder over the same tensors whose full weights are laid out beside them: it computes what `trained`
// computes, in bf16 bit for bit, while that goes on being trained. An attached adapter stays attached, so
// that its changes are seen at once. Without autograd only.
Decoder laid_out_beside(Decoder& trained);
// After an update: lays out again what of the weights themselves is trained, and nothing else.
void follow_weights(Decoder& served, Decoder& trained);

// Adds the adapter of a directory under this index, for rows that ask for it. Throws base::Error(model): what
// load_adapter throws, and for DoRA, saved modules, trained biases and vocabulary targets, which a shared
// base cannot hold.
void serve_adapter(Decoder& decoder, const std::filesystem::path& directory, int32_t index);
void drop_adapter(Decoder& decoder, int32_t index);

}  // namespace swift::model
