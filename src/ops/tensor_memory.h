// Memory of tensors on the CPU.
#pragma once

namespace swift::ops {

// From now on large tensors come from a page arena (base/page_arena.h), so that a run's peak is what its
// tensors need at once, and small ones from malloc, aligned by hand. LibTorch asks posix_memalign, which in
// glibc before 2.38 looks for a block with room for the worst alignment and so never takes the hole that a
// tensor of the same size has left.
void use_tensor_arena();

// Returns to the system what no tensor uses, before work that needs memory of another kind.
void return_free_memory();

}  // namespace swift::ops
