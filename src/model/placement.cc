#include "model/placement.h"

namespace swift::model {
namespace {

void move(at::Tensor& t, at::Device device) {
  if (t.defined() && t.device() != device) t = t.detach().to(device).requires_grad_(t.requires_grad());
}

void move(std::optional<LoraPair>& pair, at::Device device) {
  if (!pair) return;
  for (at::Tensor* t : {&pair->a, &pair->b, &pair->start_a, &pair->start_b}) move(*t, device);
  if (!pair->dora) return;
  for (at::Tensor* t : {&pair->dora->magnitude, &pair->dora->squares, &pair->dora->norms}) move(*t, device);
}

}  // namespace

void move_to(Decoder& decoder, at::Device device) {
  at::NoGradGuard no_grad;
  const bool tied = decoder.lm_head.is_same(decoder.embed_tokens);
  for (LinearLayer* linear : decoder.linears()) {
    if (linear->quantized && linear->quantized->device() != device) {
      linear->weight = at::empty({0}, linear->weight.options().device(device));  // the stand-in follows
      linear->keep_quantized(linear->quantized->to(device));
    }
    move(linear->lora, device);
  }
  decoder.visit([&](const std::string& /*name*/, at::Tensor& weight) { move(weight, device); });
  if (tied) decoder.lm_head = decoder.embed_tokens;
  move(decoder.lm_head, device);
  move(decoder.embed_lora, device);
  move(decoder.head_lora, device);
}

}  // namespace swift::model
