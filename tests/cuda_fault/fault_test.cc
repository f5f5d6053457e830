#include "cuda/fault.h"

#include <catch2/catch.hpp>

using namespace swift::cuda;
namespace base = swift::base;

namespace {

Facts h200() {
  Facts f;
  f.driver_version = f.runtime_version = 13000;
  f.architectures = "80 89 90a";
  f.device = "NVIDIA H200";
  f.compute_capability = 90;
  return f;
}

std::string told(std::string_view error, const Facts& facts, std::string_view text = "CUDA's words") {
  return explain(fault_of(error, facts), facts, text);
}

}  // namespace

TEST_CASE("a machine without a driver, and one with too old a driver") {
  Facts f = h200();
  f.driver_version = 0;
  CHECK(fault_of("cudaErrorInsufficientDriver", f) == Fault::no_driver);
  CHECK(fault_of("cudaErrorStubLibrary", f) == Fault::no_driver);
  CHECK(told("cudaErrorInsufficientDriver", f) == "no NVIDIA driver");
  f.driver_version = 12040;
  CHECK(fault_of("cudaErrorInsufficientDriver", f) == Fault::old_driver);
  CHECK(told("cudaErrorInsufficientDriver", f) ==
        "the NVIDIA driver serves CUDA 12.4, this build needs 13.0");
  const base::Error error = device_error(Fault::old_driver, f);
  CHECK(error.code() == base::ExitCode::device);
  CHECK(error.hint() == "install a driver that serves CUDA 13.0, or compute on the CPU");
  // The module in the kernel and its library are of two versions.
  f.driver_version = 13000;
  CHECK(told("cudaErrorSystemDriverMismatch", f,
             "system has unsupported display driver / cuda driver "
             "combination")
            .find("do not fit this build (CUDA 13.0) (system has") != std::string::npos);
  CHECK(fault_of("cudaErrorInitializationError", f) == Fault::lost);
}

TEST_CASE("no device, and one that is hidden") {
  Facts f = h200();
  CHECK(told("cudaErrorNoDevice", f) == "no CUDA device");
  f.visible_devices = "7";
  CHECK(told("cudaErrorNoDevice", f) == "no CUDA device; CUDA_VISIBLE_DEVICES is '7'");
}

TEST_CASE("which devices kernels run on") {
  const char* build = "80 89 90a";
  CHECK(runs_on(build, 80));
  CHECK(runs_on(build, 86));  // of the same major version
  CHECK(runs_on(build, 89));
  CHECK(runs_on(build, 90));
  CHECK(runs_on(build, 100));  // by the driver's compiler, from 8.9's PTX
  CHECK(runs_on(build, 120));
  CHECK_FALSE(runs_on(build, 75));
  CHECK_FALSE(runs_on("90a", 100));
  CHECK_FALSE(runs_on("90a", 89));
  CHECK(runs_on("80-real;90-real", 86));
  CHECK_FALSE(runs_on("80-real;90-real", 100));
  CHECK(runs_on("80-virtual", 90));
  CHECK_FALSE(runs_on("89", 86));
  CHECK_FALSE(runs_on("90a-real", 75));
  CHECK_FALSE(runs_on("", 90));
  CHECK_FALSE(runs_on("native", 90));
}

TEST_CASE("a device of another architecture") {
  Facts f = h200();
  f.device = "Tesla T4";
  f.compute_capability = 75;
  CHECK(told("cudaErrorNoKernelImageForDevice", f) ==
        "kernels are compiled for 80 89 90a; Tesla T4 has compute capability 7.5");
  CHECK(device_error(Fault::wrong_architecture, f).hint() ==
        "the kernels need compute capability 8.0: compute on the CPU");
  f.compute_capability = 100;
  CHECK(device_error(Fault::wrong_architecture, f).hint().starts_with("build with"));
  CHECK(device_error(Fault::wrong_architecture, f).code() == base::ExitCode::device);
}

TEST_CASE("out of memory says what was planned and what was free") {
  Facts f = h200();
  CHECK(told("cudaErrorMemoryAllocation", f) == "out of memory on NVIDIA H200");
  f.planned_bytes = uint64_t{150} << 30;
  f.wanted_bytes = uint64_t{2} << 30;
  f.free_bytes = uint64_t{1} << 30;
  f.total_bytes = uint64_t{139} << 30;
  CHECK(told("cudaErrorMemoryAllocation", f) ==
        "out of memory on NVIDIA H200: 150 GiB planned, 2.0 GiB wanted, 1.0 GiB of 139 GiB free");
  const base::Error error = device_error(Fault::out_of_memory, f);
  CHECK(static_cast<int>(error.code()) == 5);
  CHECK(error.hint().find("per_device_train_batch_size") != std::string::npos);
}

TEST_CASE("LibTorch's words name the allocation that failed") {
  CHECK(wanted_bytes(
            "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 139.8 GiB") ==
        uint64_t{2} << 30);
  CHECK(wanted_bytes("Tried to allocate 512.00 MiB.") == uint64_t{512} << 20);
  CHECK(wanted_bytes("Tried to allocate 3 bytes") == 3);
  CHECK(wanted_bytes("Tried to allocate more than 1EB memory.") == 0);
  CHECK(wanted_bytes("Tried to allocate 2.00 parsecs") == 0);
  CHECK(wanted_bytes("out of memory") == 0);
}

TEST_CASE("a lost device leaves checkpoints that are usable") {
  const Facts f = h200();
  for (const char* name : {"cudaErrorECCUncorrectable", "cudaErrorNvlinkUncorrectable",
                           "cudaErrorLaunchTimeout", "cudaErrorUnknown"}) {
    CHECK(fault_of(name, f) == Fault::lost);
    const base::Error error = device_error(fault_of(name, f), f, "uncorrectable ECC error");
    CHECK(error.code() == base::ExitCode::device);
    CHECK(error.message() == "NVIDIA H200 was lost (uncorrectable ECC error)");
    CHECK(error.hint().find("--resume_from_checkpoint") != std::string::npos);
  }
  const base::Error broken =
      device_error(fault_of("cudaErrorIllegalAddress", f), f, "an illegal memory access was encountered");
  CHECK(broken.code() == base::ExitCode::device);
  CHECK(broken.message() == "a kernel broke off on NVIDIA H200 (an illegal memory access was encountered)");
  CHECK(broken.hint().find("--resume_from_checkpoint") != std::string::npos);
}

TEST_CASE("a busy device may be tried again, and a refused call is this program's fault") {
  const Facts f = h200();
  CHECK(device_error(fault_of("cudaErrorDevicesUnavailable", f), f).code() == base::ExitCode::temporary);
  CHECK(fault_of("cudaErrorInvalidValue", f) == Fault::caller);
  const base::Error error = device_error(Fault::caller, f, "invalid argument");
  CHECK(error.code() == base::ExitCode::failure);
  CHECK(error.message() == "CUDA refused a call (invalid argument)");
  CHECK(fault_of("cudaSuccess", f) == Fault::none);
  CHECK(explain(Fault::none, f).empty());
}

TEST_CASE("every fault has one line and, but for none, a hint") {
  for (const Facts& facts : {h200(), Facts{}}) {
    for (int i = 1; i <= static_cast<int>(Fault::caller); ++i) {
      const auto fault = static_cast<Fault>(i);
      const base::Error error = device_error(fault, facts, "words");
      CAPTURE(i);
      CHECK_FALSE(error.message().empty());
      CHECK(error.message().find('\n') == std::string::npos);
      CHECK_FALSE(error.hint().empty());
    }
  }
}
