#include "ops/code_packing.h"

#include <immintrin.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <vector>

namespace swift::ops {
namespace {

using at::Tensor;

int64_t round_up(int64_t value, int64_t to) {
  return (value + to - 1) / to * to;
}

// Codes of a row that lie at eight places one after another, to a word (code_layout.h).
uint32_t word_of(uint32_t eight) {
  return _pext_u32(eight, 0x0F0F0F0FU) | _pext_u32(eight, 0xF0F0F0F0U) << 16U;
}

uint32_t eight_of(uint32_t word) {
  return _pdep_u32(word & 0xFFFFU, 0x0F0F0F0FU) | _pdep_u32(word >> 16U, 0xF0F0F0F0U);
}

// The same for 8-bit activations.
uint32_t halves_of(uint32_t eight) {
  return _pdep_u32(eight & 0xFFFFU, 0x0F0F0F0FU) | _pdep_u32(eight >> 16U, 0xF0F0F0F0U);
}

uint32_t eight_of_halves(uint32_t word) {
  return _pext_u32(word, 0x0F0F0F0FU) | _pext_u32(word, 0xF0F0F0F0U) << 16U;
}

// f(first input, place): the words of an output, and where they lie.
template <class F>
void for_words(const CodeLayout& layout, int64_t output, const F& f) {
  const int64_t column = output % 16, blocks = layout.inputs / layout.step;
  const int64_t bytes = layout.bits == 4 || layout.for_int8 ? 4 : 2, inputs = bytes * 8 / layout.bits;
  const int64_t start = (output / kCodePanel * blocks * 2 + output % kCodePanel / 16) * layout.block_bytes();
  for (int64_t b = 0; b < blocks; ++b) {
    for (int64_t w = 0; w < layout.step / inputs; ++w)
      f(b * layout.step + w * inputs, start + 2 * b * layout.block_bytes() + (w * 16 + column) * bytes);
  }
}

// row: codes of an output, 4 or 8 bits each, layout.inputs of them.
void put_row(const CodeLayout& layout, int64_t output, const uint8_t* row, uint8_t* codes) {
  for_words(layout, output, [&](int64_t input, int64_t place) {
    if (layout.bits == 4) {
      uint32_t eight;
      std::memcpy(&eight, row + input / 2, sizeof eight);
      eight = layout.for_int8 ? halves_of(eight) : word_of(eight);
      std::memcpy(codes + place, &eight, sizeof eight);
    } else if (layout.for_int8) {
      std::memcpy(codes + place, row + input, 4);
    } else {
      codes[place] = static_cast<uint8_t>(row[input] ^ 0x80U);
      codes[place + 1] = static_cast<uint8_t>(row[input + 1] ^ 0x80U);
    }
  });
}

// Codes of one output around zero, in the order of the layout.
void take_row(const CodeLayout& layout, int64_t output, int8_t* row) {
  for_words(layout, output, [&](int64_t input, int64_t place) {
    if (layout.bits == 4) {
      uint32_t word;
      std::memcpy(&word, layout.codes + place, sizeof word);
      const uint32_t eight = layout.for_int8 ? eight_of_halves(word) : eight_of(word);
      for (int64_t i = 0; i < 8; ++i) row[input + i] = static_cast<int8_t>((eight >> (4 * i) & 15U) - 8U);
    } else if (layout.for_int8) {
      for (int64_t i = 0; i < 4; ++i) row[input + i] = static_cast<int8_t>(layout.codes[place + i] ^ 0x80U);
    } else {
      std::memcpy(row + input, layout.codes + place, 2);
    }
  });
}

// (out, groups) to (panels, groups, kCodePanel), zero beyond the last output.
Tensor by_panel(const Tensor& values, int64_t panels) {
  const int64_t groups = values.size(1);
  Tensor padded = at::zeros({panels * kCodePanel, groups}, values.options());
  padded.narrow(0, 0, values.size(0)).copy_(values);
  Tensor memory = line_memory(padded.numel() * padded.element_size());
  Tensor result = at::from_blob(
      memory.data_ptr(), {panels, groups, kCodePanel}, [memory](void*) {}, values.options());
  return result.copy_(padded.view({panels, kCodePanel, groups}).transpose(1, 2));
}

// Rows of 4 or 8 bits a code in the layout's order of inputs, `inputs` long.
Tensor rows_of(const GroupedCodes& source, const Tensor& order, int64_t inputs) {
  const bool wide = source.bits == 8;
  if (!order.defined() && inputs == source.in && (wide || source.bits == 4)) return source.codes.contiguous();
  Tensor bytes = unpack_bits(source.codes, source.bits, source.in);
  if (order.defined()) bytes = bytes.index_select(1, order);
  // Codes around 2 or 4 move to around 8.
  if (!wide && source.bits < 4) bytes = bytes + (8 - (1 << (source.bits - 1)));
  if (inputs > source.in) {
    const Tensor padded = at::full({bytes.size(0), inputs}, wide ? 128 : 8, bytes.options());
    padded.narrow(1, 0, source.in).copy_(bytes);
    bytes = padded;
  }
  return wide ? bytes.contiguous() : pack_bits(bytes, 4);
}

CodeLayout layout_of(const GroupedCodes& source, bool for_int8) {
  CodeLayout layout;
  layout.for_int8 = for_int8;
  layout.bits = source.bits == 8 ? 8 : 4;
  const int64_t group = source.group == source.in ? round_up(source.in, kCodeChunk) : source.group;
  for (layout.chunk = kCodeChunk; group % layout.chunk != 0;) layout.chunk -= kCodeStep;
  if (for_int8 && layout.chunk % (2 * kCodeStep) == 0) layout.step = 2 * kCodeStep;
  layout.inputs = source.group == source.in ? group : source.in;
  layout.chunks_of_group = group / layout.chunk;
  layout.outputs = source.out();
  layout.panels = (layout.outputs + kCodePanel - 1) / kCodePanel;
  return layout;
}

void put_scales(const GroupedCodes& source, LaidOutCodes& out) {
  CodeLayout& layout = out.layout;
  Tensor scales = source.scales;
  layout.scale_type = CodeScale::fp32;
  if (scales.scalar_type() == at::kHalf) layout.scale_type = CodeScale::fp16;
  if (scales.scalar_type() == at::kBFloat16) layout.scale_type = CodeScale::bf16;
  if (layout.scale_type == CodeScale::fp32) scales = scales.to(at::kFloat);
  out.scales = by_panel(scales, layout.panels);
  layout.scales = out.scales.const_data_ptr();
  if (!source.zeros.defined()) return;
  const Tensor zeros = source.zeros.to(at::kInt) - (int64_t{1} << (source.bits - 1));
  if (!zeros.any().item<bool>()) return;
  out.zeros = by_panel(zeros.to(at::kChar), layout.panels);
  layout.zeros = out.zeros.const_data_ptr<int8_t>();
}

}  // namespace

Tensor line_memory(int64_t bytes) {
  constexpr size_t kHugePage = size_t{2} << 20U, kLine = 64;
  const auto wanted = static_cast<size_t>(bytes);
  const size_t unit = wanted < kHugePage ? kLine : kHugePage;
  const size_t whole = std::max(unit, (wanted + unit - 1) / unit * unit);
  void* memory = std::aligned_alloc(unit, whole);
  if (memory == nullptr) throw std::bad_alloc();
  if (unit == kHugePage) ::madvise(memory, whole, MADV_HUGEPAGE);  // only a hint
  return at::from_blob(
      memory, {bytes}, [](void* p) { std::free(p); }, at::TensorOptions(at::kByte));
}

Tensor order_of_groups(const GroupedCodes& source) {
  if (!source.g_idx.defined()) return {};
  const Tensor order = at::argsort(source.g_idx, /*stable=*/true, /*dim=*/0, /*descending=*/false);
  return order.equal(at::arange(source.in, order.options())) ? Tensor() : order;
}

LaidOutCodes lay_out(const GroupedCodes& source, bool for_int8) {
  LaidOutCodes out;
  CodeLayout& layout = out.layout;
  layout = layout_of(source, for_int8);
  out.order = order_of_groups(source);
  const Tensor rows = rows_of(source, out.order, layout.inputs);
  out.codes = line_memory(layout.panels * layout.chunks() * layout.chunk_bytes());
  auto* codes = out.codes.data_ptr<uint8_t>();
  const auto* from = rows.const_data_ptr<uint8_t>();
  at::parallel_for(0, layout.panels, 1, [&](int64_t begin, int64_t end) {
    const int64_t last = std::min(end * kCodePanel, layout.outputs);
    if (last < end * kCodePanel)
      std::memset(codes + (end - 1) * layout.chunks() * layout.chunk_bytes(), 0,
                  static_cast<size_t>(layout.chunks() * layout.chunk_bytes()));
    for (int64_t o = begin * kCodePanel; o < last; ++o) put_row(layout, o, from + o * rows.size(1), codes);
  });
  layout.codes = codes;
  put_scales(source, out);
  return out;
}

Tensor values_of(const LaidOutCodes& laid_out, int64_t in) {
  const CodeLayout& layout = laid_out.layout;
  const int64_t groups = layout.groups(), group = layout.chunk * layout.chunks_of_group;
  const auto by_output = [&](const Tensor& t) {  // (out, groups)
    return t.to(at::kFloat).transpose(1, 2).reshape({-1, groups}).narrow(0, 0, layout.outputs).contiguous();
  };
  const Tensor scales = by_output(laid_out.scales);
  const Tensor zeros = laid_out.zeros.defined() ? by_output(laid_out.zeros) : at::zeros_like(scales);
  const float *scale = scales.const_data_ptr<float>(), *zero = zeros.const_data_ptr<float>();
  std::vector<int64_t> places(static_cast<size_t>(in));
  for (int64_t i = 0; i < in; ++i) places[static_cast<size_t>(i)] = i;
  if (laid_out.order.defined()) std::copy_n(laid_out.order.const_data_ptr<int64_t>(), in, places.begin());
  Tensor values = at::empty({layout.outputs, in}, at::kFloat);
  float* to = values.data_ptr<float>();
  at::parallel_for(0, layout.outputs, 16, [&](int64_t begin, int64_t end) {
    std::vector<int8_t> row(static_cast<size_t>(layout.inputs));
    for (int64_t o = begin; o < end; ++o) {
      take_row(layout, o, row.data());
      for (int64_t i = 0; i < in; ++i) {
        const int64_t at = o * groups + i / group;
        to[o * in + places[static_cast<size_t>(i)]] =
            (static_cast<float>(row[static_cast<size_t>(i)]) - zero[at]) * scale[at];
      }
    }
  });
  return values;
}

}  // namespace swift::ops
