#include "cuda/fault.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <sstream>

#include "base/format.h"

namespace swift::cuda {
namespace {

using base::cat;

struct Named {
  std::string_view error;
  Fault fault;
};
// Errors of the runtime API (driver_types.h) that are not the caller's fault.
constexpr auto kFaults = std::to_array<Named>({
    {"cudaSuccess", Fault::none},
    {"cudaErrorNoDevice", Fault::no_device},
    {"cudaErrorInvalidDevice", Fault::no_device},
    {"cudaErrorSystemDriverMismatch", Fault::old_driver},
    {"cudaErrorCompatNotSupportedOnDevice", Fault::old_driver},
    {"cudaErrorCallRequiresNewerDriver", Fault::old_driver},
    {"cudaErrorNoKernelImageForDevice", Fault::wrong_architecture},
    {"cudaErrorInvalidKernelImage", Fault::wrong_architecture},
    {"cudaErrorUnsupportedPtxVersion", Fault::wrong_architecture},
    {"cudaErrorJitCompilerNotFound", Fault::wrong_architecture},
    {"cudaErrorJitCompilationDisabled", Fault::wrong_architecture},
    {"cudaErrorMemoryAllocation", Fault::out_of_memory},
    {"cudaErrorECCUncorrectable", Fault::lost},
    {"cudaErrorNvlinkUncorrectable", Fault::lost},
    {"cudaErrorContained", Fault::lost},
    {"cudaErrorExternalDevice", Fault::lost},
    {"cudaErrorHardwareStackError", Fault::lost},
    {"cudaErrorLaunchTimeout", Fault::lost},
    {"cudaErrorDeviceUninitialized", Fault::lost},
    {"cudaErrorContextIsDestroyed", Fault::lost},
    {"cudaErrorSystemNotReady", Fault::lost},
    {"cudaErrorStartupFailure", Fault::lost},
    {"cudaErrorTimeout", Fault::lost},
    {"cudaErrorMpsConnectionFailed", Fault::lost},
    {"cudaErrorMpsRpcFailure", Fault::lost},
    {"cudaErrorMpsClientTerminated", Fault::lost},
    {"cudaErrorOperatingSystem", Fault::lost},
    {"cudaErrorUnknown", Fault::lost},
    {"cudaErrorIllegalAddress", Fault::kernel},
    {"cudaErrorIllegalInstruction", Fault::kernel},
    {"cudaErrorMisalignedAddress", Fault::kernel},
    {"cudaErrorInvalidAddressSpace", Fault::kernel},
    {"cudaErrorInvalidPc", Fault::kernel},
    {"cudaErrorTensorMemoryLeak", Fault::kernel},
    {"cudaErrorLaunchFailure", Fault::kernel},
    {"cudaErrorAssert", Fault::kernel},
    {"cudaErrorDevicesUnavailable", Fault::busy},
    {"cudaErrorDeviceAlreadyInUse", Fault::busy},
    {"cudaErrorMpsServerNotReady", Fault::busy},
    {"cudaErrorMpsMaxClientsReached", Fault::busy},
    {"cudaErrorMpsMaxConnectionsReached", Fault::busy},
});

// bf16 and cp.async begin with Ampere.
constexpr int kOldest = 80;

constexpr const char* kResume =
    "checkpoints written before are complete: go on with --resume_from_checkpoint auto";

// "13.0" of 13000.
std::string version(int number) {
  return cat(number / 1000, ".", number % 1000 / 10);
}

// "9.0" of 90.
std::string capability(int number) {
  return cat(number / 10, ".", number % 10);
}

std::string device_name(const Facts& facts) {
  return facts.device.empty() ? "the CUDA device" : facts.device;
}

std::string in_brackets(std::string_view text) {
  return text.empty() ? std::string() : cat(" (", text, ")");
}

std::string memory_text(const Facts& facts) {
  const auto size = [](uint64_t bytes) { return base::human_bytes(static_cast<double>(bytes)); };
  std::string text = "out of memory on " + device_name(facts);
  const char* between = ": ";
  const auto add = [&](const std::string& part) {
    text += between + part;
    between = ", ";
  };
  if (facts.planned_bytes > 0) add(size(facts.planned_bytes) + " planned");
  if (facts.wanted_bytes > 0) add(size(facts.wanted_bytes) + " wanted");
  if (facts.total_bytes > 0) add(size(facts.free_bytes) + " of " + size(facts.total_bytes) + " free");
  return text;
}

std::string architecture_text(const Facts& facts, std::string_view text) {
  std::string built = facts.architectures.empty() ? "other devices" : facts.architectures;
  if (facts.compute_capability == 0) return cat("kernels are compiled for ", built, in_brackets(text));
  return cat("kernels are compiled for ", built, "; ", device_name(facts), " has compute capability ",
             capability(facts.compute_capability));
}

std::string hint(Fault fault, const Facts& facts) {
  switch (fault) {
    case Fault::no_driver:
      return "install NVIDIA's driver, or compute on the CPU";
    case Fault::old_driver:
      return cat("install a driver that serves CUDA ", version(facts.runtime_version),
                 ", or compute on the CPU");
    case Fault::no_device:
      return "'nvidia-smi' lists the devices; without one compute on the CPU";
    case Fault::wrong_architecture:
      if (facts.compute_capability > 0 && facts.compute_capability < kOldest)
        return cat("the kernels need compute capability ", capability(kOldest), ": compute on the CPU");
      return "build with -DSWIFT_CUDA_ARCHITECTURES= for this device, or compute on the CPU";
    case Fault::out_of_memory:
      return "lower per_device_train_batch_size or max_length; 'swift estimate' shows the plan";
    case Fault::lost:
      return cat("'nvidia-smi' and the system's log say more; ", kResume);
    case Fault::kernel:
      return cat("please report it with the command; ", kResume);
    case Fault::busy:
      return "another process holds the device: 'nvidia-smi' shows which";
    case Fault::caller:
      return "please report it with the command";
    case Fault::none:
      break;
  }
  return {};
}

}  // namespace

Fault fault_of(std::string_view error_name, const Facts& facts) {
  // The runtime has one name for a driver that is missing and one that is too old, and calls a driver without
  // a library for it a failed initialisation.
  const bool driver = error_name == "cudaErrorInsufficientDriver" || error_name == "cudaErrorStubLibrary" ||
                      error_name == "cudaErrorInitializationError";
  if (driver) {
    if (facts.driver_version == 0) return Fault::no_driver;
    return facts.driver_version < facts.runtime_version ? Fault::old_driver : Fault::lost;
  }
  const auto* found = std::find_if(kFaults.begin(), kFaults.end(),
                                   [&](const Named& named) { return named.error == error_name; });
  return found == kFaults.end() ? Fault::caller : found->fault;
}

bool runs_on(std::string_view architectures, int compute_capability) {
  std::string list(architectures);
  std::replace(list.begin(), list.end(), ';', ' ');
  std::istringstream words(list);
  for (std::string word; words >> word;) {
    const std::string kind = word.substr(std::min(word.find('-'), word.size()));
    word.resize(word.size() - kind.size());
    int number = 0;
    const char* end = std::from_chars(word.data(), word.data() + word.size(), number).ptr;
    const std::string_view feature(end, static_cast<size_t>(word.data() + word.size() - end));
    if (number == 0) continue;
    if (feature == "a") {
      if (number == compute_capability) return true;
      continue;
    }
    const bool same_major = number / 10 == compute_capability / 10 && number <= compute_capability;
    if (kind != "-virtual" && same_major) return true;
    if (kind != "-real" && feature.empty() && number <= compute_capability) return true;
  }
  return false;
}

std::string explain(Fault fault, const Facts& facts, std::string_view text) {
  switch (fault) {
    case Fault::none:
      return {};
    case Fault::no_driver:
      return "no NVIDIA driver";
    case Fault::old_driver:
      return facts.driver_version < facts.runtime_version
                 ? cat("the NVIDIA driver serves CUDA ", version(facts.driver_version), ", this build needs ",
                       version(facts.runtime_version))
                 : cat("the NVIDIA driver (CUDA ", version(facts.driver_version),
                       ") and its libraries do not fit this build (CUDA ", version(facts.runtime_version),
                       ")", in_brackets(text));
    case Fault::no_device:
      return facts.visible_devices.empty()
                 ? "no CUDA device"
                 : cat("no CUDA device; CUDA_VISIBLE_DEVICES is '", facts.visible_devices, "'");
    case Fault::wrong_architecture:
      return architecture_text(facts, text);
    case Fault::out_of_memory:
      return memory_text(facts);
    case Fault::lost:
      return cat(device_name(facts), " was lost", in_brackets(text));
    case Fault::kernel:
      return cat("a kernel broke off on ", device_name(facts), in_brackets(text));
    case Fault::busy:
      return cat(device_name(facts), " is not to be had", in_brackets(text));
    case Fault::caller:
      return cat("CUDA refused a call", in_brackets(text));
  }
  return {};
}

base::Error device_error(Fault fault, const Facts& facts, std::string_view text) {
  const base::ExitCode code = fault == Fault::busy     ? base::ExitCode::temporary
                              : fault == Fault::caller ? base::ExitCode::failure
                                                       : base::ExitCode::device;
  return {code, explain(fault, facts, text), {}, hint(fault, facts)};
}

uint64_t wanted_bytes(std::string_view message) {
  constexpr std::string_view kBefore = "Tried to allocate ";
  const size_t at = message.find(kBefore);
  if (at == std::string_view::npos) return 0;
  const std::string_view rest = message.substr(at + kBefore.size());
  double amount = 0;
  const auto [end, fault] = std::from_chars(rest.data(), rest.data() + rest.size(), amount);
  if (fault != std::errc() || !(amount >= 0) || amount > 0x1p40) return 0;
  const std::string_view unit(end, static_cast<size_t>(rest.data() + rest.size() - end));
  constexpr std::pair<std::string_view, double> kUnits[] = {
      {" GiB", 0x1p30}, {" MiB", 0x1p20}, {" KiB", 0x1p10}, {" bytes", 1}};
  for (const auto& [name, size] : kUnits) {
    if (unit.starts_with(name)) return static_cast<uint64_t>(amount * size);
  }
  return 0;
}

}  // namespace swift::cuda
