// Packed micro-batches of a device as CUDA graphs: forward pass, loss and backward pass of one shape are
// queued as a whole (reference/training.md, sections 1 and 8). Tokens of no sample fill a pack up to one
// length; they are segments of their own that nothing is trained on.
#pragma once
#include <map>
#include <memory>
#include <optional>

#include "config/task.h"
#include "data/sample.h"
#include "model/decoder.h"
#include "ops/device_ops.h"
#include "ops/linear_cross_entropy.h"

namespace swift::train {

class StepGraphs {
 public:
  // decoder, whose trained tensors stay where they are, must outlive this. Null where micro-batches are not
  // of one shape (no packing), the host takes part in them (noise on embeddings, losses by channel, auxiliary
  // losses of routers, dropout before experts, updates in the backward pass), or there is no device.
  static std::unique_ptr<StepGraphs> make(const config::Task& task, const model::Decoder& decoder);

  // Shapes that are kept: the one unused longest makes room. Their activations share memory.
  static constexpr size_t kMostShapes = 16;

  // Whether run() takes the pack; not after a graph was refused.
  bool takes(const data::Pack& pack) const;
  // Adds the gradients of scale times the pack's loss to those of the trained tensors and returns the loss,
  // () fp32 on the device. The first pack of a shape is computed piece by piece; from the second one on
  // gradients must be there, and stay where they are.
  at::Tensor run(const data::Pack& pack, double scale, uint64_t dropout_key);
  // Packs are filled up to half the length from now on, and longer ones are not taken.
  void halve();
  // Packs that were queued as a whole.
  int64_t replays() const { return replays_; }

 private:
  struct Shape;
  using Key = std::array<int64_t, 3>;  // segments, longest segment, trained rows

  StepGraphs(const config::Task& task, const model::Decoder& decoder, const ops::DeviceOps& device);
  Key key_of(const data::Pack& pack) const;
  Shape& shape_of(const Key& key);
  void fill(Shape& shape, const data::Pack& pack, double scale, uint64_t dropout_key) const;
  void compute(Shape& shape) const;
  bool capture(Shape& shape);

  const model::Decoder& decoder_;
  const ops::DeviceOps& device_;
  ops::LossShape loss_;
  model::Pass pass_;
  int64_t length_, longest_;  // tokens of a filled pack, and of a packed sequence
  model::RopeTable rope_;     // of all positions of a packed sequence, on the device
  std::map<Key, std::shared_ptr<Shape>> shapes_;
  uint64_t runs_ = 0;
  int64_t replays_ = 0;
  bool refused_ = false;
};

}  // namespace swift::train
