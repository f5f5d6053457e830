// Where a kernel calls the layer.
#pragma once
#include <source_location>

namespace swift::cuda_host {
using Place = std::source_location;
}
