// What a kernel did wrong, as the execution layer saw it. The text names kernel, block, thread and place.
#pragma once
#include <stdexcept>
#include <string>

namespace swift::cuda_host {

enum class Fault {
  bounds,         // outside every buffer, or in a freed one
  uninitialised,  // reads what nobody wrote
  alignment,      // address not a multiple of the access
  race,           // two threads touch one byte, one writes, nothing orders them
  divergence,     // threads of a block or warp do not meet at one barrier or collective
  mask,           // a warp collective without its caller, or with lanes that are not there
  async_copy,     // cp.async: read before its wait, or never waited for
  limits,         // a launch that no device takes
};

class KernelFault : public std::runtime_error {
 public:
  KernelFault(Fault fault, const std::string& text) : std::runtime_error(text), fault_(fault) {}
  Fault fault() const { return fault_; }

 private:
  Fault fault_;
};

}  // namespace swift::cuda_host
