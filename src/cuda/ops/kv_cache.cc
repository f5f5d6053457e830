// The paged cache in a GPU's memory. One new token a sequence meets its keys in paged_decode, longer pieces
// in attention_forward; what those kernels do not take (fp32, 8-bit codes before several new tokens) is
// computed from gathered keys.
#include "ops/kv_cache.h"

#include <algorithm>

#include "cuda/attention.h"
#include "cuda/ops/cuda_ops.h"
#include "cuda/ops/platform.h"
#include "cuda/paged_decode.h"

namespace swift::cuda {
using at::Tensor;
using ops::kBlockTokens;
using ops::KvSegment;
namespace {

// Keys of a decoding sequence that one block of threads reads; its length alone decides how they are cut.
constexpr int kChunkTokens = 256;

// Neighbouring segments that one launch takes.
struct Run {
  size_t first, count;  // segments
  int64_t row, rows;    // of the batch
  bool decode;          // one new token each
  int longest, longest_new;
};

std::vector<Run> runs_of(const std::vector<KvSegment>& segments) {
  std::vector<Run> runs;
  for (size_t i = 0; i < segments.size(); ++i) {
    const KvSegment& s = segments[i];
    const bool decode = s.count == 1;
    if (runs.empty() || runs.back().decode != decode || runs.back().row + runs.back().rows != s.first)
      runs.push_back({i, 0, s.first, 0, decode, 0, 0});
    Run& run = runs.back();
    ++run.count;
    run.rows += s.count;
    run.longest = std::max(run.longest, static_cast<int>(s.start + s.count));
    run.longest_new = std::max(run.longest_new, static_cast<int>(s.count));
  }
  return runs;
}

// Where the rows of a batch belong, on the device; the same for all layers.
struct Places {
  Tensor slots;         // (tokens) int64: page · kBlockTokens + offset, -1: no row of a segment
  Tensor tables;        // (segments, stride) int32
  Tensor lengths;       // (segments) int32, the new tokens among them
  Tensor query_starts;  // (segments + 1) int32
};

Places places_of(const std::vector<KvSegment>& segments, int64_t tokens, const Tensor& like) {
  size_t stride = 1;
  for (const KvSegment& s : segments) stride = std::max(stride, s.blocks.size());
  std::vector<int64_t> slots(static_cast<size_t>(tokens), -1);
  std::vector<int32_t> tables(segments.size() * stride, 0), lengths, starts;
  for (size_t i = 0; i < segments.size(); ++i) {
    const KvSegment& s = segments[i];
    std::copy(s.blocks.begin(), s.blocks.end(), tables.begin() + static_cast<int64_t>(i * stride));
    lengths.push_back(static_cast<int32_t>(s.start + s.count));
    starts.push_back(static_cast<int32_t>(s.first));
    for (int64_t t = 0; t < s.count; ++t) {
      const int64_t position = s.start + t;
      const int64_t page = s.blocks[static_cast<size_t>(position / kBlockTokens)];
      slots[static_cast<size_t>(s.first + t)] = page * kBlockTokens + position % kBlockTokens;
    }
  }
  starts.push_back(segments.empty() ? 0
                                    : static_cast<int32_t>(segments.back().first + segments.back().count));
  const auto count = static_cast<int64_t>(segments.size());
  return {uploaded(slots, like), uploaded(tables, like).view({count, static_cast<int64_t>(stride)}),
          uploaded(lengths, like), uploaded(starts, like)};
}

class DeviceCache final : public ops::KvCache {
 public:
  DeviceCache(at::ScalarType type, bool codes, const ops::KvShape& shape, const at::TensorOptions& options)
      : shape_(shape), type_(type), codes_(codes), width_(padded_head_dim(shape.head_dim)) {
    if (width_ == 0) width_ = shape.head_dim;
    const at::DimVector sizes = {shape.layers, shape.blocks, shape.kv_heads, kBlockTokens, width_};
    keys_ = at::zeros(sizes, options.dtype(codes ? at::kChar : type));
    values_ = at::zeros_like(keys_);
    if (!codes) return;
    key_scales_ = at::zeros(at::IntArrayRef(sizes).slice(0, 4), options.dtype(at::kFloat));
    value_scales_ = at::zeros_like(key_scales_);
  }

  void prepare(const std::vector<KvSegment>& segments, int64_t tokens) override {
    places_ = places_of(segments, tokens, keys_);
    runs_ = runs_of(segments);
  }

  bool can_follow() const override { return has_kernels(); }
  void follow(const ops::DecodeState& state, int64_t longest) override {
    const int64_t rows = state.ids.size(0);
    places_ = {state.slots, state.tables, state.lengths, Tensor()};
    runs_ = {{0, static_cast<size_t>(rows), 0, rows, true, static_cast<int>(longest), 1}};
  }

  void store(int64_t layer, const Tensor& k, const Tensor& v,
             const std::vector<KvSegment>& /*segments*/) override {
    const Tensor keys = widened(k.to(type_), width_), values = widened(v.to(type_), width_);
    QkRope a{};
    a.type = type_of(keys);
    a.k = keys.const_data_ptr();
    a.v = values.const_data_ptr();
    a.k_stride = a.v_stride = shape_.kv_heads * width_;
    a.pages = pages(layer);
    a.slots = places_.slots.const_data_ptr<int64_t>();
    a.tokens = keys.size(0);
    a.kv_heads = static_cast<int>(shape_.kv_heads);
    a.head_dim = static_cast<int>(width_);
    qk_rope_forward(a, stream_of(keys));
  }

  using KvCache::extend;
  Tensor extend(int64_t layer, const ops::HeadInputs& heads, const std::vector<KvSegment>& segments,
                double scale) override {
    const bool fits = heads.q.size(2) == width_ && heads.q.scalar_type() == type_;
    if (!fits) return KvCache::extend(layer, heads, segments, scale);
    const auto dense_heads = [](const Tensor& t) {
      return t.stride(2) == 1 && t.stride(1) == t.size(2) ? t : t.contiguous();
    };
    const Tensor q = dense_heads(heads.q), k = dense_heads(heads.k), v = dense_heads(heads.v);
    const Tensor turned = at::empty(q.sizes(), q.options());
    QkRope a{};
    a.type = type_of(q);
    a.q = q.const_data_ptr();
    a.k = k.const_data_ptr();
    a.v = v.const_data_ptr();
    a.q_stride = q.stride(0), a.k_stride = k.stride(0), a.v_stride = v.stride(0);
    a.q_out = turned.data_ptr();
    if (heads.q_norm.defined()) {
      a.q_weight = heads.q_norm.const_data_ptr();
      a.k_weight = heads.k_norm.const_data_ptr();
      a.eps = static_cast<float>(heads.eps);
    }
    a.cos = heads.cos.const_data_ptr<float>();
    a.sin = heads.sin.const_data_ptr<float>();
    a.rotary_dim = static_cast<int>(width_);
    a.pages = pages(layer);
    a.slots = places_.slots.const_data_ptr<int64_t>();
    a.tokens = q.size(0);
    a.heads = static_cast<int>(q.size(1));
    a.kv_heads = static_cast<int>(shape_.kv_heads);
    a.head_dim = static_cast<int>(width_);
    qk_rope_forward(a, stream_of(q));
    return attend(layer, turned, segments, scale);
  }

  Tensor attend(int64_t layer, const Tensor& q, const std::vector<KvSegment>& segments,
                double scale) override {
    const Tensor input = widened(q.to(type_), width_);
    // Decoding writes every row.
    const bool whole =
        runs_.size() == 1 && runs_[0].decode && runs_[0].rows == input.size(0) && has_kernels();
    Tensor out = whole ? at::empty_like(input) : at::zeros_like(input);
    for (const Run& run : runs_) {
      if (has_kernels() && run.decode) {
        decode(layer, run, input, out, scale);
      } else if (has_kernels() && !codes_) {
        extend_run(layer, run, input, out, scale);
      } else {
        gathered(layer, run, segments, input, out, scale);
      }
    }
    return out.narrow(2, 0, shape_.head_dim).to(q.scalar_type()).contiguous();
  }

 private:
  bool has_kernels() const { return type_ != at::kFloat && padded_head_dim(width_) == width_; }

  KvPages pages(int64_t layer) {
    KvPages pages{};
    pages.type = codes_ ? KvType::int8 : KvType::same;
    pages.keys = keys_.select(0, layer).data_ptr();
    pages.values = values_.select(0, layer).data_ptr();
    if (codes_) {
      pages.key_scales = key_scales_.select(0, layer).data_ptr<float>();
      pages.value_scales = value_scales_.select(0, layer).data_ptr<float>();
    }
    pages.page_tokens = static_cast<int>(kBlockTokens);
    return pages;
  }

  void decode(int64_t layer, const Run& run, const Tensor& q, Tensor& out, double scale) {
    const auto first = static_cast<int64_t>(run.first);
    const int64_t heads = q.size(1);
    PagedDecode a{};
    a.type = type_of(q);
    a.q = q.narrow(0, run.row, run.rows).const_data_ptr();
    a.pages = pages(layer);
    a.block_table = places_.tables.select(0, first).const_data_ptr<int32_t>();
    a.table_stride = static_cast<int>(places_.tables.size(1));
    a.lengths = places_.lengths.const_data_ptr<int32_t>() + first;
    a.out = out.narrow(0, run.row, run.rows).data_ptr();
    a.scale = static_cast<float>(scale);
    a.batch = static_cast<int>(run.count);
    a.heads = static_cast<int>(heads);
    a.kv_heads = static_cast<int>(shape_.kv_heads);
    a.head_dim = static_cast<int>(width_);
    a.chunk_tokens = kChunkTokens;
    a.max_chunks = (run.longest + kChunkTokens - 1) / kChunkTokens;
    const auto wide = q.options().dtype(at::kFloat);
    const Tensor partial = at::empty({run.rows, heads, a.max_chunks, width_}, wide);
    const Tensor sums = at::empty({run.rows, heads, a.max_chunks, 2}, wide);
    a.partial = partial.data_ptr<float>();
    a.partial_sums = sums.data_ptr<float>();
    paged_decode(a, stream_of(q));
  }

  void extend_run(int64_t layer, const Run& run, const Tensor& q, Tensor& out, double scale) {
    const auto first = static_cast<int64_t>(run.first);
    const KvPages from = pages(layer);
    Attention a{};
    a.type = type_of(q);
    a.q = q.const_data_ptr();
    a.keys = from.keys;
    a.values = from.values;
    a.query_starts = places_.query_starts.const_data_ptr<int32_t>() + first;
    a.block_table = places_.tables.select(0, first).const_data_ptr<int32_t>();
    a.lengths = places_.lengths.const_data_ptr<int32_t>() + first;
    a.table_stride = static_cast<int>(places_.tables.size(1));
    a.page_tokens = from.page_tokens;
    a.sequences = static_cast<int>(run.count);
    a.longest_query = run.longest_new;
    a.longest_key = run.longest;
    a.query_tokens = static_cast<int>(q.size(0));
    a.heads = static_cast<int>(q.size(1));
    a.kv_heads = static_cast<int>(shape_.kv_heads);
    a.head_dim = static_cast<int>(width_);
    a.scale = static_cast<float>(scale);
    a.causal = true;
    attention_forward(a, out.data_ptr(), nullptr, stream_of(q));
  }

  // Values (positions, kv_heads, head_dim) fp32 of the first positions of a sequence.
  Tensor rows_of(const Tensor& pages, const Tensor& scales, int64_t layer, int64_t segment,
                 int64_t length) const {
    const Tensor table =
        places_.tables.select(0, segment).narrow(0, 0, (length + kBlockTokens - 1) / kBlockTokens);
    Tensor rows = pages.select(0, layer).index_select(0, table).to(at::kFloat);
    if (codes_) rows = rows * scales.select(0, layer).index_select(0, table).unsqueeze(-1);
    return rows.transpose(1, 2).reshape({-1, shape_.kv_heads, width_}).narrow(0, 0, length);
  }

  void gathered(int64_t layer, const Run& run, const std::vector<KvSegment>& segments, const Tensor& q,
                Tensor& out, double scale) const {
    const int64_t group = q.size(1) / shape_.kv_heads;
    for (size_t i = run.first; i < run.first + run.count; ++i) {
      const KvSegment& s = segments[i];
      const int64_t length = s.start + s.count;
      const auto by_head = [&](const Tensor& t) {
        return t.repeat_interleave(group, 1).transpose(0, 1);  // (heads, positions, head_dim)
      };
      const Tensor k = by_head(rows_of(keys_, key_scales_, layer, static_cast<int64_t>(i), length));
      const Tensor v = by_head(rows_of(values_, value_scales_, layer, static_cast<int64_t>(i), length));
      const Tensor own = q.narrow(0, s.first, s.count).to(at::kFloat).transpose(0, 1);
      const Tensor hidden = at::ones({s.count, length}, q.options().dtype(at::kBool)).triu(s.start + 1);
      const Tensor scores = at::matmul(own, k.transpose(1, 2)).mul_(scale).masked_fill_(hidden, -INFINITY);
      const Tensor mixed = at::matmul(at::softmax(scores, -1), v).transpose(0, 1);
      out.narrow(0, s.first, s.count).copy_(mixed);
    }
  }

  ops::KvShape shape_;
  at::ScalarType type_;  // of queries, and of pages without codes
  bool codes_;
  int64_t width_;                     // of a head in the pages
  Tensor keys_, values_;              // (layers, pages, kv_heads, kBlockTokens, width)
  Tensor key_scales_, value_scales_;  // int8: (layers, pages, kv_heads, kBlockTokens) fp32
  Places places_;
  std::vector<Run> runs_;
};

}  // namespace

std::unique_ptr<ops::KvCache> CudaOps::kv_cache(ops::KvKind kind, at::ScalarType model_type,
                                                const ops::KvShape& shape,
                                                const at::TensorOptions& options) const {
  const bool codes = kind == ops::KvKind::int8;
  at::ScalarType type = model_type;
  if (kind == ops::KvKind::bfloat16) type = at::kBFloat16;
  if (kind == ops::KvKind::float16) type = at::kHalf;
  return std::make_unique<DeviceCache>(type, codes, shape, options);
}

int64_t CudaOps::kept_head_dim(int64_t head_dim) const {
  const int64_t padded = padded_head_dim(head_dim);
  return padded > 0 ? padded : head_dim;
}

int64_t CudaOps::free_bytes() const {
  return cuda::free_bytes();
}

int64_t CudaOps::peak_bytes() const {
  return cuda::peak_bytes();
}

}  // namespace swift::cuda
