// The loss of one pack of samples.
#pragma once
#include "data/sample.h"
#include "model/decoder.h"
#include "ops/linear_cross_entropy.h"
#include "train/channel_loss.h"

namespace swift::train {

// Sum of the weighted cross entropies times scale, fp32 scalar. channels, where given, takes the losses of
// the tokens by channel. With pass.recompute, `attention` must outlive the backward pass.
at::Tensor pack_loss(const model::Decoder& decoder, const data::Pack& pack,
                     model::AttentionContext& attention, double scale, const model::Pass& pass,
                     const ops::LossShape& shape = {}, ChannelLoss* channels = nullptr);

}  // namespace swift::train
