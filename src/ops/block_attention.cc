#include "ops/block_attention.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "ops/attention_tiles.h"
#include "ops/lanes.h"
#include "ops/panel_pack.h"

namespace swift::ops {
namespace {

using c10::BFloat16;

constexpr int64_t kRows = kTileRows;
constexpr int64_t kColumns = kTileColumns;
constexpr int64_t kArea = kTileArea;

const uint16_t* halves(const BFloat16* p) {
  return reinterpret_cast<const uint16_t*>(p);
}

// Rows of one head of one sample: `stride` elements from one token to the next.
struct Rows {
  const BFloat16* data;
  int64_t stride;
  int64_t length;
};

// Rows as columns of the packed factor, in blocks: [block][head_dim / 2][kColumns]. Keys for q · k^T.
void pack_columns(const Rows& rows, int64_t head_dim, uint32_t* packed) {
  for (int64_t first = 0; first < rows.length; first += kColumns) {
    uint32_t* block = packed + first / kColumns * (head_dim / 2 * kColumns);
    const int64_t count = std::min(kColumns, rows.length - first);
    if (count < kColumns) std::fill(block, block + head_dim / 2 * kColumns, 0U);
    pack_transposed(reinterpret_cast<const uint32_t*>(rows.data + first * rows.stride), rows.stride / 2,
                    count, head_dim / 2, block, kColumns);
  }
}

// Pairs of rows interleaved, `height` rows a block: [block][height / 2][head_dim]. Values for p · v.
void pack_rows(const Rows& rows, int64_t head_dim, int64_t height, uint32_t* packed) {
  for (int64_t first = 0; first < rows.length; first += height) {
    uint32_t* block = packed + first / height * (height / 2 * head_dim);
    const int64_t count = std::min(height, rows.length - first);
    const BFloat16* from = rows.data + first * rows.stride;
    pack_interleaved(halves(from), rows.stride, head_dim, count / 2, block, head_dim);
    if (count == height) continue;
    uint32_t* rest = block + count / 2 * head_dim;
    std::fill(rest, block + height / 2 * head_dim, 0U);
    if (count % 2 == 0) continue;
    for (int64_t c = 0; c < head_dim; ++c) rest[c] = halves(from + (count - 1) * rows.stride)[c];
  }
}

// kRows rows from `first` on, one after another, zero beyond the last.
void copy_rows(const Rows& rows, int64_t first, int64_t head_dim, BFloat16* out) {
  const int64_t count = std::min(kRows, rows.length - first);
  const auto bytes = static_cast<size_t>(head_dim) * sizeof(BFloat16);
  for (int64_t r = 0; r < count; ++r)
    std::memcpy(out + r * head_dim, rows.data + (first + r) * rows.stride, bytes);
  std::fill(out + count * head_dim, out + kRows * head_dim, BFloat16(0.0F));
}

// One segment and key head: what every query head of its group reads.
struct Task {
  int64_t first;         // token
  int64_t length;        // tokens
  int64_t prefix_first;  // of the prefix that it continues
  int64_t prefix;        // tokens of it; 0: none
  int64_t kv_head;
  int64_t seen() const { return prefix + length; }
};

// A prefix and the segments that continue it, these first.
std::vector<std::vector<Task>> families_of(const AttentionShape& shape) {
  std::vector<std::vector<Task>> families;
  for (size_t s = 0; s + 1 < shape.cu_seqlens.size(); ++s) {
    const int64_t first = shape.cu_seqlens[s], length = shape.cu_seqlens[s + 1] - first;
    if (shape.continues.empty() || shape.continues[s] == 0) {
      families.push_back({Task{first, length, 0, 0, 0}});
      continue;
    }
    const Task prefix = families.back().back();
    families.back().insert(families.back().end() - 1, Task{first, length, prefix.first, prefix.length, 0});
  }
  return families;
}

// Calls f for the segments of every family and key head, which are one thread's; a Scratch each thread.
template <class Scratch, class F>
void for_tasks(const AttentionShape& shape, int64_t blocks, const F& f) {
  const auto families = families_of(shape);
  const auto count = static_cast<int64_t>(families.size());
  at::parallel_for(0, count * shape.kv_heads, 1, [&](int64_t begin, int64_t end) {
    Scratch scratch(blocks, shape.head_dim);
    for (int64_t i = begin; i < end; ++i) {
      for (Task task : families[static_cast<size_t>(i % count)]) {
        task.kv_head = i / count;
        if (task.length > 0) f(task, scratch);
      }
    }
  });
}

Rows rows_of(const AttentionShape& shape, const Task& task, const BFloat16* data, int64_t heads,
             int64_t head) {
  const int64_t stride = heads * shape.head_dim;
  return {data + task.first * stride + head * shape.head_dim, stride, task.length};
}

// The keys or values that a task's queries see: the prefix's rows and its own, copied together into `joined`
// where there is a prefix.
Rows seen_rows(const AttentionShape& shape, const Task& task, const BFloat16* data, BFloat16* joined) {
  const Rows own = rows_of(shape, task, data, shape.kv_heads, task.kv_head);
  if (task.prefix == 0) return own;
  const int64_t d = shape.head_dim;
  const auto bytes = static_cast<size_t>(d) * sizeof(BFloat16);
  const BFloat16* prefix = data + task.prefix_first * own.stride + task.kv_head * d;
  for (int64_t r = 0; r < task.prefix; ++r) std::memcpy(joined + r * d, prefix + r * own.stride, bytes);
  for (int64_t r = 0; r < task.length; ++r)
    std::memcpy(joined + (task.prefix + r) * d, own.data + r * own.stride, bytes);
  return {joined, d, task.seen()};
}

struct ForwardScratch {
  ForwardScratch(int64_t blocks, int64_t d)
      : keys(blocks * kColumns / 2 * d),
        values(blocks * kColumns / 2 * d),
        scores(blocks * kArea),
        sums(kRows * d),
        q(kRows * d),
        p(blocks * kArea),
        joined(blocks * kColumns * d),
        product(d) {}
  TileBuffer<uint32_t> keys, values;
  TileBuffer<float> scores, sums;
  TileBuffer<BFloat16> q, p, joined;
  TileProducts product;
};

void attend(const AttentionShape& shape, const AttentionInputs& in, const Task& task, ForwardScratch& s,
            BFloat16* out, float* log_sums) {
  const int64_t d = shape.head_dim, group = shape.heads / shape.kv_heads;
  pack_columns(seen_rows(shape, task, in.k, s.joined.data), d, s.keys.data);
  pack_rows(seen_rows(shape, task, in.v, s.joined.data), d, kColumns, s.values.data);
  float tops[kRows], totals[kRows];
  std::array<int64_t, kRows> positions{};
  for (int64_t head = task.kv_head * group; head < (task.kv_head + 1) * group; ++head) {
    const Rows queries = rows_of(shape, task, in.q, shape.heads, head);
    for (int64_t first = 0; first < task.length; first += kRows) {
      const int64_t rows = std::min(kRows, task.length - first);
      const int64_t blocks = tile_blocks(task.prefix + first + rows);
      copy_rows(queries, first, d, s.q.data);
      for (int64_t j = 0; j < blocks; ++j)
        s.product(s.q.data, s.keys.data + j * (d / 2 * kColumns), s.scores.data + j * kArea, kRows, kColumns,
                  d, false);
      for (int64_t r = 0; r < rows; ++r) positions[static_cast<size_t>(r)] = task.prefix + first + r;
      soften(s.scores.data, positions.data(), rows, blocks, static_cast<float>(shape.scale), s.p.data, tops,
             totals);
      for (int64_t j = 0; j < blocks; ++j)
        s.product(s.p.data + j * kArea, s.values.data + j * (kColumns / 2 * d), s.sums.data, kRows, d,
                  kColumns, j > 0);
      for (int64_t r = 0; r < rows; ++r) {
        const int64_t token = task.first + first + r;
        BFloat16* to = out + (token * shape.heads + head) * d;
        const float inverse = 1.0F / totals[r];
        for_lanes(0, d, [&](int64_t i, int64_t n) {
          store(to + i, load(s.sums.data + r * d + i, n) * inverse, n);
        });
        log_sums[head * shape.tokens + token] = tops[r] + std::log(totals[r]);
      }
    }
  }
}

struct BackwardScratch {
  BackwardScratch(int64_t blocks, int64_t d)
      : keys(blocks * kColumns / 2 * d),
        values(blocks * kColumns / 2 * d),
        key_rows(blocks * kColumns / 2 * d),
        q_rows(kRows / 2 * d),
        dout_rows(kRows / 2 * d),
        pairs(kArea / 2),
        scores(kArea),
        dscores(kArea),
        dq(kRows * d),
        dk(blocks * kColumns * d),
        dv(blocks * kColumns * d),
        prefix_dk(blocks * kColumns * d),
        prefix_dv(blocks * kColumns * d),
        joined(blocks * kColumns * d),
        q(kRows * d),
        dout(kRows * d),
        p(kArea),
        ds(kArea),
        p_columns(kArea),
        ds_columns(kArea),
        product(d) {}
  TileBuffer<uint32_t> keys, values, key_rows;  // k and v as columns, k as pairs of rows
  TileBuffer<uint32_t> q_rows, dout_rows, pairs;
  TileBuffer<float> scores, dscores, dq, dk, dv;
  TileBuffer<float> prefix_dk, prefix_dv;      // what the segments done so far give their prefix
  int64_t prefix_rows = 0;                     // rows of these; 0: no such segment yet
  TileBuffer<BFloat16> joined;                 // keys or values of prefix and segment
  TileBuffer<BFloat16> q, dout, p, ds;         // (kRows, …)
  TileBuffer<BFloat16> p_columns, ds_columns;  // (kColumns, kRows)
  TileProducts product;
};

// (kRows, kColumns) to (kColumns, kRows), two rows at a time as 32-bit words.
void transpose(const BFloat16* in, uint32_t* pairs, BFloat16* out) {
  pack_interleaved(halves(in), kColumns, kColumns, kRows / 2, pairs, kColumns);
  pack_transposed(pairs, kColumns, kRows / 2, kColumns, reinterpret_cast<uint32_t*>(out), kRows / 2);
}

// p = exp(scale · score - log_sum), ds = scale · p · (dp - delta), zero where a row does not see a column.
void soften_backward(BackwardScratch& s, int64_t first_row, int64_t rows, int64_t block, float scale,
                     const float* log_sums, const float* deltas) {
  for (int64_t r = 0; r < kRows; ++r) {
    const int64_t seen = r < rows ? visible_columns(first_row + r, block) : 0;
    BFloat16* p = s.p.data + r * kColumns;
    BFloat16* ds = s.ds.data + r * kColumns;
    for_lanes(0, seen, [&](int64_t i, int64_t n) {
      const Floats e = exp_lanes(load(s.scores.data + r * kColumns + i, n) * scale - log_sums[r]);
      store(p + i, e, n);
      store(ds + i, e * (load(s.dscores.data + r * kColumns + i, n) - deltas[r]) * scale, n);
    });
    std::fill(p + seen, p + kColumns, BFloat16(0.0F));
    std::fill(ds + seen, ds + kColumns, BFloat16(0.0F));
  }
}

// deltas[r] = dout · out of each row.
void row_products(const BFloat16* a, const Rows& b, int64_t first, int64_t rows, int64_t d, float* deltas) {
  for (int64_t r = 0; r < rows; ++r) {
    Floats part = {};
    for_lanes(0, d, [&](int64_t i, int64_t n) {
      part += load(a + r * d + i, n) * load(b.data + (first + r) * b.stride + i, n);
    });
    deltas[r] = sum(part);
  }
}

// All gradients that a block of queries from `position` on gives; dq is written, dk and dv are added to.
void attend_block_backward(const AttentionShape& shape, BackwardScratch& s, int64_t position, int64_t rows,
                           const float* log_sums, const float* deltas) {
  const int64_t d = shape.head_dim;
  const int64_t blocks = tile_blocks(position + rows);
  pack_rows({s.q.data, d, kRows}, d, kRows, s.q_rows.data);
  pack_rows({s.dout.data, d, kRows}, d, kRows, s.dout_rows.data);
  for (int64_t j = 0; j < blocks; ++j) {
    const int64_t column_block = j * (d / 2 * kColumns);
    s.product(s.q.data, s.keys.data + column_block, s.scores.data, kRows, kColumns, d, false);
    s.product(s.dout.data, s.values.data + column_block, s.dscores.data, kRows, kColumns, d, false);
    soften_backward(s, position, rows, j, static_cast<float>(shape.scale), log_sums, deltas);
    transpose(s.p.data, s.pairs.data, s.p_columns.data);
    transpose(s.ds.data, s.pairs.data, s.ds_columns.data);
    s.product(s.p_columns.data, s.dout_rows.data, s.dv.data + j * kColumns * d, kColumns, d, kRows, true);
    s.product(s.ds_columns.data, s.q_rows.data, s.dk.data + j * kColumns * d, kColumns, d, kRows, true);
    s.product(s.ds.data, s.key_rows.data + column_block, s.dq.data, kRows, d, kColumns, j > 0);
  }
}

// fp32 rows to rows of the result.
void write_rows(const float* in, int64_t rows, int64_t d, BFloat16* out, int64_t stride) {
  for (int64_t r = 0; r < rows; ++r)
    for_lanes(0, d, [&](int64_t i, int64_t n) { store(out + r * stride + i, load(in + r * d + i, n), n); });
}

// Takes a segment's part out of the gradients of the keys that it saw: its own rows come to their place in
// the result, those of its prefix wait for the prefix. A prefix comes behind the segments that continue it.
void share_key_gradients(const AttentionShape& shape, const Task& task, BackwardScratch& s,
                         const AttentionGradients& gradients) {
  const int64_t d = shape.head_dim, before = task.prefix * d;
  const auto add = [](const float* from, int64_t count, float* to, bool first) {
    for (int64_t i = 0; i < count; ++i) to[i] = first ? from[i] : to[i] + from[i];
  };
  if (task.prefix > 0) {
    add(s.dk.data, before, s.prefix_dk.data, s.prefix_rows == 0);
    add(s.dv.data, before, s.prefix_dv.data, s.prefix_rows == 0);
    s.prefix_rows = task.prefix;
  } else if (s.prefix_rows > 0) {
    add(s.prefix_dk.data, s.prefix_rows * d, s.dk.data, false);
    add(s.prefix_dv.data, s.prefix_rows * d, s.dv.data, false);
    s.prefix_rows = 0;
  }
  const int64_t at = (task.first * shape.kv_heads + task.kv_head) * d;
  write_rows(s.dk.data + before, task.length, d, gradients.dk + at, shape.kv_heads * d);
  write_rows(s.dv.data + before, task.length, d, gradients.dv + at, shape.kv_heads * d);
}

void attend_backward(const AttentionShape& shape, const AttentionInputs& in, const Task& task,
                     BackwardScratch& s, const BFloat16* out, const float* log_sums, const BFloat16* dout,
                     const AttentionGradients& gradients) {
  const int64_t d = shape.head_dim, group = shape.heads / shape.kv_heads;
  const Rows keys = seen_rows(shape, task, in.k, s.joined.data);
  pack_columns(keys, d, s.keys.data);
  pack_rows(keys, d, kColumns, s.key_rows.data);
  pack_columns(seen_rows(shape, task, in.v, s.joined.data), d, s.values.data);
  const int64_t area = tile_blocks(task.seen()) * kColumns * d;
  std::fill(s.dk.data, s.dk.data + area, 0.0F);
  std::fill(s.dv.data, s.dv.data + area, 0.0F);
  float deltas[kRows];
  for (int64_t head = task.kv_head * group; head < (task.kv_head + 1) * group; ++head) {
    const Rows douts = rows_of(shape, task, dout, shape.heads, head);
    for (int64_t first = 0; first < task.length; first += kRows) {
      const int64_t rows = std::min(kRows, task.length - first), token = task.first + first;
      copy_rows(rows_of(shape, task, in.q, shape.heads, head), first, d, s.q.data);
      copy_rows(douts, first, d, s.dout.data);
      row_products(s.dout.data, rows_of(shape, task, out, shape.heads, head), first, rows, d, deltas);
      attend_block_backward(shape, s, task.prefix + first, rows, log_sums + head * shape.tokens + token,
                            deltas);
      write_rows(s.dq.data, rows, d, gradients.dq + (token * shape.heads + head) * d, shape.heads * d);
    }
  }
  share_key_gradients(shape, task, s, gradients);
}

int64_t longest_blocks(const AttentionShape& shape) {
  int64_t most = 0;
  for (const auto& family : families_of(shape)) {
    for (const Task& task : family) most = std::max(most, task.seen());
  }
  return tile_blocks(most);
}

}  // namespace

void block_attention(const AttentionShape& shape, const AttentionInputs& in, BFloat16* out, float* log_sums) {
  const int64_t blocks = longest_blocks(shape);
  for_tasks<ForwardScratch>(shape, blocks, [&](const Task& task, ForwardScratch& scratch) {
    attend(shape, in, task, scratch, out, log_sums);
  });
}

void block_attention_backward(const AttentionShape& shape, const AttentionInputs& in, const BFloat16* out,
                              const float* log_sums, const BFloat16* dout,
                              const AttentionGradients& gradients) {
  const int64_t blocks = longest_blocks(shape);
  for_tasks<BackwardScratch>(shape, blocks, [&](const Task& task, BackwardScratch& scratch) {
    attend_backward(shape, in, task, scratch, out, log_sums, dout, gradients);
  });
}

}  // namespace swift::ops
