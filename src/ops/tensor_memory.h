// Memory of tensors on the CPU.
#pragma once

namespace swift::ops {

// From now on tensors come from malloc, aligned by hand. LibTorch asks posix_memalign, which in glibc before
// 2.38 looks for a block with room for the worst alignment and so never takes the hole that a tensor of the
// same size has left: the heap of a training run grows by as much as its largest tensors.
void use_plain_malloc();

}  // namespace swift::ops
