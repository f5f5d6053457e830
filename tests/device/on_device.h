// While one of these lives, tensors count as a device's: operations run on the kernels of src/cuda.
#pragma once

namespace swift::tests {

class OnDevice {
 public:
  OnDevice();
  ~OnDevice();
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;
};

}  // namespace swift::tests
