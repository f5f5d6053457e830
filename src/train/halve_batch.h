// Smaller micro-batches of the same optimizer step, for a device whose memory they overrun.
#pragma once
#include "train/step_source.h"

namespace swift::train {

// Splits every micro-batch of more than one sample in two, at the sample nearest to the middle of its tokens;
// losses and gradients of the step add up to the same. False, and nothing changes, when none has two.
bool halve(StepBatch& batch);

}  // namespace swift::train
