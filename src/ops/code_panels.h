// A grouped weight (grouped_codes.h) laid out for serving: codes stay packed, decoding reads them at the
// speed of memory, and each row of a product depends on its own input row alone, bit for bit, whatever the
// number of rows.
#pragma once
#include "ops/code_packing.h"
#include "ops/grouped_codes.h"
#include "ops/int4_weight.h"
#include "ops/line_memory.h"
#include "ops/quantized_weight.h"

namespace swift::ops {

// Whether lay_out_codes() takes such a weight: a group is a whole row, or a multiple of 32 inputs, and g_idx
// gives every group as many inputs as the others.
bool can_lay_out(const GroupedCodes& source);

// Codes of 2 and 3 bits take 4. Inputs are put in the order of their groups. compute bf16: products of bf16
// activations, each with whole numbers in fp32, then scaled in fp32 (matrix tiles, AVX-512 BF16 or AVX2, by
// ops/cpu_level.h). Any other type: products in fp32.
// int8_activations: activations are rounded to 8 bits, with a scale for each row and up to 128 inputs;
// products are sums of whole numbers (AMX-INT8, AVX-512 VNNI or AVX2).
QuantizedPtr lay_out_codes(const GroupedCodes& source, at::ScalarType compute, LineMemory& memory,
                           bool int8_activations = false);
// The same for an fp8 weight, with activations as they are; null for blocks of another size than a multiple
// of 32.
QuantizedPtr lay_out_fp8(const Fp8Weight& weight, LineMemory& memory);

// What a weight that is laid out consists of, and the weight from that; null for a weight of another kind.
const LaidOutCodes* parts_of(const QuantizedWeight& weight);
QuantizedPtr from_parts(LaidOutCodes parts, int64_t in, at::ScalarType compute);

}  // namespace swift::ops
