#include "ops/code_packing.h"

#include <c10/util/Float8_e4m3fn.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

namespace swift::ops {
namespace {

using at::Tensor;

int64_t round_up(int64_t value, int64_t to) {
  return (value + to - 1) / to * to;
}

constexpr int64_t kHalf = kCodePanel / 2;  // outputs of a line

// Four bits each: what lies in the bytes' lower halves to the lowest 16 bits, and back.
uint32_t gathered(uint32_t word) {
  word &= 0x0F0F0F0FU;
  word = (word | word >> 4U) & 0x00FF00FFU;
  return (word | word >> 8U) & 0xFFFFU;
}
uint32_t spread(uint32_t half) {
  half &= 0xFFFFU;
  half = (half | half << 8U) & 0x00FF00FFU;
  return (half | half << 4U) & 0x0F0F0F0FU;
}

// The four bytes of a row that a line holds of an output, as the line holds them, and back.
struct Arranged {
  static uint32_t put(uint32_t word) { return gathered(word) | gathered(word >> 4U) << 16U; }
  static uint32_t take(uint32_t word) { return spread(word) | spread(word >> 16U) << 4U; }
};
struct ArrangedForInt8 {
  static uint32_t put(uint32_t word) { return spread(word) | spread(word >> 16U) << 4U; }
  static uint32_t take(uint32_t word) { return gathered(word) | gathered(word >> 4U) << 16U; }
};
struct AsTheyAre {
  static uint32_t put(uint32_t word) { return word; }
  static uint32_t take(uint32_t word) { return word; }
};
struct FromTheMiddle {
  static uint32_t put(uint32_t word) { return word ^ 0x80808080U; }
  static uint32_t take(uint32_t word) { return word ^ 0x80808080U; }
};

template <class F>
void with_order(const CodeLayout& layout, const F& f) {
  if (layout.form == CodeForm::four_bit) {
    layout.for_int8 ? f(ArrangedForInt8()) : f(Arranged());
  } else {
    layout.form == CodeForm::fp8 || layout.for_int8 ? f(AsTheyAre()) : f(FromTheMiddle());
  }
}

// Whether a line is two rows of half words.
bool in_half_words(const CodeLayout& layout) {
  return layout.form != CodeForm::four_bit && !layout.for_int8;
}

// The lines of half a panel from rows of 4 or 8 bits a code, layout.inputs of them. line: the first; `words`
// lines follow each other `stride` bytes apart.
template <class Order>
void put_half(const std::array<const uint8_t*, kHalf>& rows, int64_t words, bool half_words, int64_t stride,
              uint8_t* line) {
  constexpr int64_t kBlock = 16;  // words of a row that are read together
  std::array<uint32_t, kHalf * kBlock> block;
  for (int64_t first = 0; first < words; first += kBlock) {
    const int64_t count = std::min(kBlock, words - first);
    for (int64_t o = 0; o < kHalf; ++o)
      std::memcpy(block.data() + o * kBlock, rows[static_cast<size_t>(o)] + first * 4,
                  static_cast<size_t>(count) * 4);
    for (uint32_t& word : block) word = Order::put(word);
    for (int64_t w = 0; w < count; ++w, line += stride) {
      std::array<uint32_t, kHalf> out;
      for (int64_t o = 0; o < kHalf; ++o)
        out[static_cast<size_t>(o)] = block[static_cast<size_t>(o * kBlock + w)];
      if (half_words) {
        std::array<uint16_t, 2 * kHalf> halves;
        for (size_t o = 0; o < kHalf; ++o) {
          halves[o] = static_cast<uint16_t>(out[o]);
          halves[kHalf + o] = static_cast<uint16_t>(out[o] >> 16U);
        }
        std::memcpy(line, halves.data(), kCodeLine);
      } else {
        std::memcpy(line, out.data(), kCodeLine);
      }
    }
  }
}

// All outputs of a panel. rows: (outputs, row_bytes); outputs that are not there read `zeros`.
void put_panel(const CodeLayout& layout, int64_t panel, const uint8_t* rows, int64_t row_bytes,
               const uint8_t* zeros, uint8_t* codes) {
  for (int64_t half = 0; half < 2; ++half) {
    std::array<const uint8_t*, kHalf> from;
    for (int64_t o = 0; o < kHalf; ++o) {
      const int64_t output = panel * kCodePanel + half * kHalf + o;
      from[static_cast<size_t>(o)] = output < layout.outputs ? rows + output * row_bytes : zeros;
    }
    with_order(layout, [&](auto order) {
      put_half<decltype(order)>(from, layout.inputs / layout.line_inputs(), in_half_words(layout),
                                layout.line_stride(panel),
                                codes + layout.chunk_offset(panel, 0) + half * kCodeLine);
    });
  }
}

// Codes of one output as a row holds them, 4 or 8 bits each.
void take_row(const CodeLayout& layout, int64_t output, uint8_t* row) {
  const int64_t panel = output / kCodePanel, column = output % kHalf;
  const uint8_t* line = layout.chunk_codes(panel, 0) + output % kCodePanel / kHalf * kCodeLine;
  for (int64_t word = 0; word < layout.inputs / layout.line_inputs(); ++word, row += 4) {
    uint32_t value;
    if (in_half_words(layout)) {
      std::memcpy(&value, line + 2 * column, 2);
      std::memcpy(reinterpret_cast<uint8_t*>(&value) + 2, line + kCodeLine / 2 + 2 * column, 2);
    } else {
      std::memcpy(&value, line + 4 * column, 4);
    }
    with_order(layout, [&](auto order) { value = decltype(order)::take(value); });
    std::memcpy(row, &value, 4);
    line += layout.line_stride(panel);
  }
}

// What the code at a place of a row stands for, without its zero point and scale.
float number_of(const CodeLayout& layout, const uint8_t* row, int64_t input) {
  if (layout.form == CodeForm::four_bit)
    return static_cast<float>((row[input / 2] >> (4 * (input % 2)) & 15) - 8);
  if (layout.form == CodeForm::fp8) return c10::detail::fp8e4m3fn_to_fp32_value(row[input]);
  return static_cast<float>(row[input] - 128);
}

// (out, groups) to (panels, groups, kCodePanel), zero beyond the last output.
Tensor by_panel(const Tensor& values, int64_t panels, LineMemory& memory) {
  const int64_t groups = values.size(1);
  Tensor padded = at::zeros({panels * kCodePanel, groups}, values.options());
  padded.narrow(0, 0, values.size(0)).copy_(values);
  Tensor result = memory.take(padded.numel() * padded.element_size())
                      .view(values.scalar_type())
                      .view({panels, groups, kCodePanel});
  return result.copy_(padded.view({panels, kCodePanel, groups}).transpose(1, 2));
}

// Rows of 4 or 8 bits a code in the layout's order of inputs, `inputs` long. The codes behind the weight's
// own meet activations of zero.
Tensor rows_of(const GroupedCodes& source, const Tensor& order, int64_t inputs) {
  const bool wide = source.bits == 8;
  if (!order.defined() && inputs == source.in && (wide || source.bits == 4)) return source.codes.contiguous();
  Tensor bytes = unpack_bits(source.codes, source.bits, source.in);
  if (order.defined()) bytes = bytes.index_select(1, order);
  // Codes around 2 or 4 move to around 8.
  if (!wide && source.bits < 4) bytes = bytes + (8 - (1 << (source.bits - 1)));
  if (inputs > source.in) {
    const Tensor padded = at::zeros({bytes.size(0), inputs}, bytes.options());
    padded.narrow(1, 0, source.in).copy_(bytes);
    bytes = padded;
  }
  return wide ? bytes.contiguous() : pack_bits(bytes, 4);
}

CodeLayout layout_of(const GroupedCodes& source, bool for_int8, bool fp8) {
  CodeLayout layout;
  layout.for_int8 = for_int8;
  layout.form = fp8 ? CodeForm::fp8 : source.bits == 8 ? CodeForm::eight_bit : CodeForm::four_bit;
  const int64_t group = source.group == source.in ? round_up(source.in, kCodeChunk) : source.group;
  for (layout.chunk = kCodeChunk; group % layout.chunk != 0;) layout.chunk -= kCodeStep;
  layout.inputs = group * source.scales.size(1);
  layout.chunks_of_group = group / layout.chunk;
  layout.outputs = source.out();
  layout.panels = (layout.outputs + kCodePanel - 1) / kCodePanel;
  return layout;
}

void put_scales(const GroupedCodes& source, LineMemory& memory, LaidOutCodes& out) {
  CodeLayout& layout = out.layout;
  Tensor scales = source.scales;
  layout.scale_type = CodeScale::fp32;
  if (scales.scalar_type() == at::kHalf) layout.scale_type = CodeScale::fp16;
  if (scales.scalar_type() == at::kBFloat16) layout.scale_type = CodeScale::bf16;
  if (layout.scale_type == CodeScale::fp32) scales = scales.to(at::kFloat);
  out.scales = by_panel(scales, layout.panels, memory);
  layout.scales = out.scales.const_data_ptr();
  if (!source.zeros.defined()) return;
  const Tensor zeros = source.zeros.to(at::kInt) - (int64_t{1} << (source.bits - 1));
  if (!zeros.any().item<bool>()) return;
  out.zeros = by_panel(zeros.to(at::kChar), layout.panels, memory);
  layout.zeros = out.zeros.const_data_ptr<int8_t>();
}

}  // namespace

Tensor order_of_groups(const GroupedCodes& source) {
  if (!source.g_idx.defined()) return {};
  const Tensor order = at::argsort(source.g_idx, /*stable=*/true, /*dim=*/0, /*descending=*/false);
  return order.equal(at::arange(source.in, order.options())) ? Tensor() : order;
}

LaidOutCodes lay_out(const GroupedCodes& source, LineMemory& memory, bool for_int8, bool fp8) {
  LaidOutCodes out;
  CodeLayout& layout = out.layout;
  layout = layout_of(source, for_int8, fp8);
  out.order = order_of_groups(source);
  const Tensor rows = rows_of(source, out.order, layout.inputs);
  out.codes = memory.take(layout.bytes());
  auto* codes = out.codes.data_ptr<uint8_t>();
  const auto* from = rows.const_data_ptr<uint8_t>();
  const std::vector<uint8_t> zeros(static_cast<size_t>(rows.size(1)));
  at::parallel_for(0, layout.panels, 1, [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p) put_panel(layout, p, from, rows.size(1), zeros.data(), codes);
  });
  layout.codes = codes;
  put_scales(source, memory, out);
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
    std::vector<uint8_t> row(static_cast<size_t>(layout.inputs * layout.bits() / 8));
    for (int64_t o = begin; o < end; ++o) {
      take_row(layout, o, row.data());
      for (int64_t i = 0; i < in; ++i) {
        const int64_t at = o * groups + i / group;
        to[o * in + places[static_cast<size_t>(i)]] =
            (number_of(layout, row.data(), i) - zero[at]) * scale[at];
      }
    }
  });
  return values;
}

}  // namespace swift::ops
