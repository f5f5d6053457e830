#include "config/offload.h"

namespace swift::config {

void check_offload(const Task& task) {
  if (!task.offload_activations || task.gradient_checkpointing) return;
  const auto found = task.origins.find("offload_activations");
  throw base::Error(base::ExitCode::usage,
                    "offload_activations: true and gradient_checkpointing: false exclude each other: what is "
                    "offloaded are the block inputs that checkpointing keeps",
                    found == task.origins.end() ? base::Location{} : found->second.where,
                    "set gradient_checkpointing: true");
}

}  // namespace swift::config
