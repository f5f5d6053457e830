#include "cuda/launch.h"
#include "cuda/paged_decode.cuh"
#include "cuda/paged_decode.h"
#include "cuda/paged_decode_wide.cuh"

namespace swift::cuda {
namespace {

constexpr const char* kName = "paged_decode";

template <class T, KvType Kind, int HeadDim>
void run(const PagedDecode& a, Stream stream) {
  const int parts = ceil_div(a.heads / a.kv_heads, kHeadRows);
  launch(kName, paged_decode_kernel<T, Kind, HeadDim>,
         {dim3(static_cast<unsigned>(a.max_chunks), static_cast<unsigned>(a.kv_heads * parts),
               static_cast<unsigned>(a.batch)),
          dim3(DecodeLayout<T, Kind, HeadDim>::kThreads), DecodeLayout<T, Kind, HeadDim>::kBytes, stream},
         a);
}

template <class T, KvType Kind>
void choose_dim(const PagedDecode& a, Stream stream) {
  switch (a.head_dim) {
    case 64:
      return run<T, Kind, 64>(a, stream);
    case 80:
      return run<T, Kind, 80>(a, stream);
    case 96:
      return run<T, Kind, 96>(a, stream);
    case 128:
      return run<T, Kind, 128>(a, stream);
    case 192:
      return run<T, Kind, 192>(a, stream);
    case 256:
      return run<T, Kind, 256>(a, stream);
    default:
      refuse(kName, "head_dim " + std::to_string(a.head_dim));
  }
}

template <class T>
void choose_kind(const PagedDecode& a, Stream stream) {
  switch (a.pages.type) {
    case KvType::same:
      return choose_dim<T, KvType::same>(a, stream);
    case KvType::int8:
      return choose_dim<T, KvType::int8>(a, stream);
    case KvType::fp8:
      return choose_dim<T, KvType::fp8>(a, stream);
  }
}

}  // namespace

void paged_decode(const PagedDecode& a, Stream stream) {
  if (a.batch == 0) return;
  require(a.kv_heads > 0 && a.heads % a.kv_heads == 0, kName, "heads must be a multiple of kv_heads");
  require(a.head_dim <= 256, kName, "head_dim above 256");
  require(a.pages.page_tokens % kTile == 0 && a.chunk_tokens % kTile == 0 && a.chunk_tokens > 0, kName,
          "page_tokens and chunk_tokens must be multiples of 16");
  require(a.batch <= 65535 && a.heads <= 65535, kName, "batch or heads out of range");
  require(a.max_chunks == 1 || a.partial != nullptr, kName, "chunks need scratch");
  require_aligned(a.q, 16, kName);
  require_aligned(a.pages.keys, 16, kName);
  require_aligned(a.pages.values, 16, kName);
  const LaunchShape merge{dim3(static_cast<unsigned>(a.heads), static_cast<unsigned>(a.batch)), dim3(256), 0,
                          stream};
  switch (a.type) {
    case Type::float32:
      launch(kName, paged_decode_wide_kernel,
             {dim3(static_cast<unsigned>(a.max_chunks), static_cast<unsigned>(a.heads),
                   static_cast<unsigned>(a.batch)),
              dim3(kWideWarps * kWarpThreads), 0, stream},
             a);
      return launch("merge_chunks", merge_chunks_kernel<float>, merge, a);
    case Type::float16:
      choose_kind<f16>(a, stream);
      return launch("merge_chunks", merge_chunks_kernel<f16>, merge, a);
    case Type::bfloat16:
      choose_kind<bf16>(a, stream);
      return launch("merge_chunks", merge_chunks_kernel<bf16>, merge, a);
  }
}

}  // namespace swift::cuda
