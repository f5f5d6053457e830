#include "model/packed/packed_linear.h"

#include <sstream>

#include "base/error.h"
#include "base/format.h"
#include "model/packed/packing.h"
#include "model/packed/word_rows.h"
#include "ops/int4_weight.h"

namespace swift::model {
namespace {

using at::Tensor;
using base::cat;
using Kind = PackedForm::Kind;

// The tensors of one module, and what to say about them.
class Reader {
 public:
  Reader(const TensorFiles& files, const std::string& name) : files_(files), name_(name) {}

  [[noreturn]] void fail(const std::string& what, const std::string& hint = {}) const {
    throw base::Error(base::ExitCode::model, cat("packed weight '", name_, "': ", what), {files_.origin()},
                      hint);
  }
  bool has(const char* part) const { return files_.has(cat(name_, ".", part)); }
  Tensor get(const char* part) const {
    if (!has(part)) fail(cat("'", part, "' is missing"));
    return files_.get(cat(name_, ".", part));
  }
  // A tensor of that type and shape.
  Tensor get(const char* part, at::ScalarType type, at::IntArrayRef sizes) const {
    const Tensor found = get(part);
    if (found.scalar_type() != type || found.sizes() != sizes) {
      std::ostringstream text;
      text << "'" << part << "' has shape " << found.sizes() << ", " << sizes << " is needed";
      fail(found.scalar_type() != type ? cat("'", part, "' has another type than it should") : text.str());
    }
    return found;
  }
  // Scales (rows, columns) of any floating type, each finite.
  Tensor scales(const char* part, int64_t rows, int64_t columns) const {
    const Tensor found = get(part);
    if (!at::isFloatingType(found.scalar_type())) fail(cat("'", part, "' is not of a floating type"));
    const Tensor checked = get(part, found.scalar_type(), {rows, columns});
    if (!checked.to(at::kFloat).isfinite().all().item<bool>())
      fail(cat("'", part, "' holds a value that is not finite"));
    return checked;
  }

 private:
  const TensorFiles& files_;
  std::string name_;
};

// Inputs of a scale, from the rows of the scales.
int64_t group_of(const Reader& reader, const PackedForm& form, int64_t groups, int64_t in) {
  if (groups < 1 || in % groups != 0) reader.fail(cat(groups, " groups do not divide ", in, " inputs"));
  const int64_t group = in / groups;
  const int64_t stated = form.group == -1 ? in : form.group;
  if (!form.varies && group != stated)
    reader.fail(cat("its scales have groups of ", group, " inputs, config.json says ", stated));
  return group;
}

// g_idx where it says something else than input / group.
Tensor group_index(const Reader& reader, const PackedForm& form, int64_t in, int64_t group) {
  if (!reader.has("g_idx")) {
    if (form.act_order)
      reader.fail("'g_idx' is missing, but config.json has desc_act: true",
                  "the file is incomplete; get it again");
    return {};
  }
  const Tensor index = reader.get("g_idx", at::kInt, {in}).contiguous();
  if (index.min().item<int>() < 0 || index.max().item<int>() >= in / group)
    reader.fail("'g_idx' names a group that is not there");
  const Tensor plain = at::floor_divide(at::arange(in, at::kInt), group);
  return index.equal(plain) ? Tensor() : index;
}

ops::GroupedCodes read_awq(const Reader& reader, const PackedForm& form, int64_t out, int64_t in) {
  if (out % 8 != 0) reader.fail(cat("AWQ needs a multiple of 8 outputs, it has ", out));
  const Tensor scales = reader.get("scales");
  if (scales.dim() != 2) reader.fail("'scales' is no matrix");
  ops::GroupedCodes codes{.bits = 4, .in = in};
  codes.group = group_of(reader, form, scales.size(0), in);
  const int64_t groups = in / codes.group;
  codes.scales = reader.scales("scales", groups, out).t().contiguous();
  const Tensor words = reader.get("qweight", at::kInt, {in, out / 8});
  codes.codes = in % 8 == 0 ? awq_rows(words) : ops::pack_bits(unpack_awq(words), 4);
  codes.zeros = unpack_awq(reader.get("qzeros", at::kInt, {groups, out / 8}));
  return codes;
}

ops::GroupedCodes read_gptq(const Reader& reader, const PackedForm& form, int64_t out, int64_t in) {
  const Tensor scales = reader.get("scales"), packed = reader.get("qweight");
  if (scales.dim() != 2 || packed.dim() != 2) reader.fail("'scales' or 'qweight' is no matrix");
  ops::GroupedCodes codes{.bits = form.bits, .in = in};
  if (form.varies) {
    codes.bits = packed.size(0) * 32 / in;
    if (codes.bits != 2 && codes.bits != 3 && codes.bits != 4 && codes.bits != 8)
      reader.fail(cat("its ", packed.size(0), " rows of codes fit no number of bits"));
  }
  if (in * codes.bits % 32 != 0 || out * codes.bits % 32 != 0)
    reader.fail(cat(out, " outputs and ", in, " inputs of ", codes.bits, " bits fill no 32-bit words"));
  codes.group = group_of(reader, form, scales.size(0), in);
  const int64_t groups = in / codes.group;
  codes.scales = reader.scales("scales", groups, out).t().contiguous();
  const Tensor words = reader.get("qweight", at::kInt, {in * codes.bits / 32, out});
  codes.codes = transposed_words(words).view(at::kByte);
  codes.zeros =
      unpack_gptq_zeros(reader.get("qzeros", at::kInt, {groups, out * codes.bits / 32}), codes.bits, form.v2);
  if (codes.zeros.eq(1 << (codes.bits - 1)).all().item<bool>()) {
    codes.zeros = Tensor();
  } else if (form.sym) {
    reader.fail("config.json says sym: true, but its zero points are not all in the middle",
                form.v2 ? "is checkpoint_format gptq_v2 right?" : "is checkpoint_format gptq right?");
  }
  codes.g_idx = group_index(reader, form, in, codes.group);
  return codes;
}

ops::GroupedCodes read_compressed(const Reader& reader, const PackedForm& form, int64_t out, int64_t in) {
  if (in * form.bits % 32 != 0) reader.fail(cat(in, " inputs of ", form.bits, " bits fill no 32-bit words"));
  const Tensor scales = reader.get("weight_scale");
  if (scales.dim() != 2) reader.fail("'weight_scale' is no matrix");
  ops::GroupedCodes codes{.bits = form.bits, .in = in};
  codes.group = group_of(reader, form, scales.size(1), in);
  const int64_t groups = in / codes.group;
  codes.scales = reader.scales("weight_scale", out, groups).contiguous();
  const Tensor words = reader.get("weight_packed", at::kInt, {out, in * form.bits / 32});
  codes.codes = words.contiguous().view(at::kByte);
  if (!form.sym) {
    if (out * form.bits % 32 != 0)
      reader.fail(cat(out, " outputs of ", form.bits, " bits fill no 32-bit words"));
    const Tensor zeros = reader.get("weight_zero_point", at::kInt, {out * form.bits / 32, groups});
    codes.zeros = unpack_compressed(zeros.t(), form.bits).t().contiguous();
  }
  codes.g_idx =
      reader.has("weight_g_idx") ? reader.get("weight_g_idx", at::kInt, {in}).contiguous() : Tensor();
  if (codes.g_idx.defined() && (codes.g_idx.min().item<int>() < 0 || codes.g_idx.max().item<int>() >= groups))
    reader.fail("'weight_g_idx' names a group that is not there");
  return codes;
}

// E4M3 has no infinities; both codes whose lower seven bits are all set are NaN (arXiv 2209.05433, table 1).
bool holds_nan(const Tensor& codes) {
  const auto* bytes = static_cast<const uint8_t*>(codes.const_data_ptr());
  uint8_t found = 0;
  for (int64_t i = 0; i < codes.numel(); ++i) found |= static_cast<uint8_t>((bytes[i] & 0x7F) == 0x7F);
  return found != 0;
}

ops::QuantizedPtr read_fp8(const Reader& reader, const PackedForm& form, int64_t out, int64_t in,
                           at::ScalarType compute) {
  const auto blocks = [&](int64_t count) { return (count + form.group - 1) / form.group; };
  const Tensor factors = reader.scales("weight_scale_inv", blocks(out), blocks(in)).to(at::kFloat);
  const Tensor codes = reader.get("weight", at::kFloat8_e4m3fn, {out, in}).contiguous();
  if (holds_nan(codes))
    reader.fail("'weight' holds a code that is not a number", "the file is damaged; get it again");
  return c10::make_intrusive<ops::Fp8Weight>(codes, factors, form.group, compute);
}

const char* codes_name(Kind kind) {
  return kind == Kind::compressed ? "weight_packed" : "qweight";
}

}  // namespace

bool is_packed(const TensorFiles& files, const std::string& name, const PackedForm& form) {
  if (form.kind == Kind::fp8) return files.has(name + ".weight_scale_inv");
  return files.has(cat(name, ".", codes_name(form.kind)));
}

ops::QuantizedPtr read_packed(const TensorFiles& files, const std::string& name, at::IntArrayRef sizes,
                              const PackedForm& form, at::ScalarType compute) {
  const Reader reader(files, name);
  const int64_t out = sizes[0], in = sizes[1];
  ops::GroupedCodes codes;
  switch (form.kind) {
    case Kind::awq:
      codes = read_awq(reader, form, out, in);
      break;
    case Kind::gptq:
      codes = read_gptq(reader, form, out, in);
      break;
    case Kind::compressed:
      codes = read_compressed(reader, form, out, in);
      break;
    case Kind::fp8:
      return read_fp8(reader, form, out, in, compute);
  }
  return c10::make_intrusive<ops::Int4Weight>(std::move(codes), compute);
}

std::vector<std::string> packed_names(const TensorFiles& files, const std::string& name) {
  std::vector<std::string> found;
  for (const char* part : {"qweight", "qzeros", "scales", "g_idx", "weight_packed", "weight_scale",
                           "weight_zero_point", "weight_shape", "weight_g_idx", "weight_scale_inv"}) {
    if (files.has(cat(name, ".", part))) found.push_back(cat(name, ".", part));
  }
  return found;
}

NamedTensors packed_tensors(const std::string& name, const ops::GroupedCodes& weight,
                            const PackedForm& form) {
  const Tensor codes = ops::unpack_bits(weight.codes, weight.bits, weight.in);
  const Tensor zeros = weight.zero_points().to(at::kByte);
  const Tensor scales = weight.scales.t().contiguous();
  if (form.kind == Kind::awq)
    return {{name + ".qweight", pack_awq(codes)},
            {name + ".qzeros", pack_awq(zeros)},
            {name + ".scales", scales}};
  if (form.kind == Kind::gptq) {
    const Tensor index = weight.g_idx.defined()
                             ? weight.g_idx
                             : at::floor_divide(at::arange(weight.in, at::kInt), weight.group);
    return {{name + ".qweight", pack_gptq(codes, weight.bits)},
            {name + ".qzeros", pack_gptq_zeros(zeros, weight.bits, form.v2)},
            {name + ".scales", scales},
            {name + ".g_idx", index.to(at::kInt)}};
  }
  Tensor shape = at::empty({2}, at::kLong);
  shape[0] = weight.out(), shape[1] = weight.in;
  NamedTensors tensors = {{name + ".weight_packed", pack_compressed(codes, weight.bits)},
                          {name + ".weight_scale", weight.scales},
                          {name + ".weight_shape", shape}};
  if (weight.zeros.defined()) {
    tensors.emplace_back(name + ".weight_zero_point",
                         pack_compressed(zeros.t().contiguous(), weight.bits).t().contiguous());
  }
  return tensors;
}

}  // namespace swift::model
