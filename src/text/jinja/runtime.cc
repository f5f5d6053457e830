#include "text/jinja/runtime.h"

namespace swift::text::jinja {

Runtime::~Runtime() {
  variables.clear();
  for (const auto& object : kept_) object->release();
}

void Runtime::allocate(size_t bytes) {
  step(bytes / 64);
  if (bytes > kMaxMemory || (memory_ += bytes) > kMaxMemory) {
    throw Fault("the template creates too much data (more than 1 GiB)");
  }
}

void Runtime::allocate_text(size_t bytes) {
  if (bytes > kMaxText) throw Fault("the template creates a text of more than 64 MiB");
  allocate(bytes);
}

}  // namespace swift::text::jinja
