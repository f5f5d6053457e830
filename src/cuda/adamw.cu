#include "cuda/adamw.cuh"
#include "cuda/launch.h"

namespace swift::cuda {
namespace {

// f(T{}, G{}) for the types of weight and gradient.
template <class Function>
void with_types(const char* name, const AdamW& a, Function f) {
  require(a.grad_type == a.weight_type || a.grad_type == Type::float32, name,
          "gradients must be of the weight's type or fp32");
  dispatch(a.weight_type, [&](auto weight) {
    if (a.grad_type == Type::float32) return f(weight, float{});
    f(weight, weight);
  });
}

}  // namespace

void adamw(const AdamW& a, Stream stream) {
  constexpr const char* kName = "adamw";
  if (a.chunk_count == 0) return;
  with_types(kName, a, [&](auto weight, auto grad) {
    launch(kName, adamw_kernel<decltype(weight), decltype(grad)>,
           {dim3(static_cast<unsigned>(a.chunk_count)), dim3(kAdamThreads), 0, stream}, a);
  });
}

void adamw_8bit(const AdamW& a, ByteCode first_moment, ByteCode second_moment, Stream stream) {
  constexpr const char* kName = "adamw_8bit";
  if (a.chunk_count == 0) return;
  with_types(kName, a, [&](auto weight, auto grad) {
    launch(kName, adamw_8bit_kernel<decltype(weight), decltype(grad)>,
           {dim3(static_cast<unsigned>(a.chunk_count)), dim3(kAdamThreads), 0, stream}, a, first_moment,
           second_moment);
  });
}

void grad_square_sum(const GradNorm& a, Stream stream) {
  if (a.chunk_count > 0) {
    dispatch(a.grad_type, [&](auto zero) {
      launch("grad_square", grad_square_kernel<decltype(zero)>,
             {dim3(static_cast<unsigned>(a.chunk_count)), dim3(kAdamThreads), 0, stream}, a);
    });
  }
  launch("sum_partial", sum_partial_kernel, {dim3(1), dim3(1024), 0, stream}, a.partial, a.chunk_count,
         a.square_sum);
}

void clip_coefficient(const float* square_sum, float max_norm, const float* loss_scale, float* norm,
                      float* coefficient, Stream stream) {
  launch("clip_coefficient", clip_coefficient_kernel, {dim3(1), dim3(1), 0, stream}, square_sum, max_norm,
         loss_scale, norm, coefficient);
}

}  // namespace swift::cuda
