// swift doctor: what this machine offers and what is missing.
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <thread>

#include "base/format.h"
#include "base/json.h"
#include "cli/command.h"
#include "cli/options.h"
#ifdef SWIFT_CUDA
#include "cuda/device.h"
#endif

namespace swift::cli {
namespace fs = std::filesystem;
using base::Json;
namespace {

Json instruction_sets() {
  __builtin_cpu_init();
  bool tiles = false;  // the compiler's own list does not know AMX
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("flags")) tiles = line.find(" amx_bf16") != std::string::npos;
  }
  return {{"avx2", __builtin_cpu_supports("avx2") != 0},
          {"fma", __builtin_cpu_supports("fma") != 0},
          {"avx512", __builtin_cpu_supports("avx512f") != 0},
          {"avx512_bf16", __builtin_cpu_supports("avx512bf16") != 0},
          {"avx512_vnni", __builtin_cpu_supports("avx512vnni") != 0},
          {"amx_bf16", tiles}};
}

double memory_gib(const char* key) {
  std::ifstream info("/proc/meminfo");
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with(key)) return std::stod(line.substr(line.find(':') + 1)) / (1024.0 * 1024.0);
  }
  return 0;
}

// A soft limit of this process; null when there is none.
Json limit_of(__rlimit_resource resource) {
  rlimit limit{};
  if (getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return nullptr;
  return limit.rlim_cur;
}

double free_gib(const fs::path& path) {
  std::error_code fault;
  const auto space = fs::space(path, fault);
  return fault ? 0.0 : static_cast<double>(space.available) / (1 << 30);
}

// The devices that this build computes on, or why there is none.
Json cuda_devices() {
  Json found = Json::array();
#ifdef SWIFT_CUDA
  std::string reason;
  for (const cuda::Device& device : cuda::devices(reason)) {
    found.push_back({{"name", device.name},
                     {"compute_capability", device.compute_capability / 10.0},
                     {"memory_gib", device.memory_gib},
                     {"multiprocessors", device.multiprocessors}});
  }
#else
  const std::string reason = "not in this build";
#endif
  return {{"devices", found}, {"reason", reason.empty() ? Json() : Json(reason)}};
}

std::string cuda_text(const Json& cuda) {
  std::string text;
  for (const Json& device : cuda.at("devices"))
    text += (text.empty() ? "" : ", ") + device.at("name").get<std::string>();
  if (!cuda.at("reason").is_null())
    text += (text.empty() ? "none: " : "; ") + cuda.at("reason").get<std::string>();
  return text;
}

Json examine() {
  const fs::path beside = fs::read_symlink("/proc/self/exe").parent_path();
  return {{"cores", std::thread::hardware_concurrency()},
          {"instruction_sets", instruction_sets()},
          {"memory_gib", memory_gib("MemTotal:")},
          {"memory_available_gib", memory_gib("MemAvailable:")},
          {"disk_free_gib", free_gib(".")},
          {"shared_memory_free_gib", free_gib("/dev/shm")},
          {"compute_library", fs::exists(beside / "libswift_compute.so")},
          {"nvidia_driver", fs::exists("/proc/driver/nvidia/version")},
          {"cuda", cuda_devices()},
          {"open_files_limit", limit_of(RLIMIT_NOFILE)},
          {"locked_memory_limit_bytes", limit_of(RLIMIT_MEMLOCK)},
          {"stack_limit_bytes", limit_of(RLIMIT_STACK)}};
}

}  // namespace

int run_doctor(std::string_view /*verb*/, const std::vector<std::string>& words) {
  const Options options = parse_options(words, {}, {"json"});
  const Json found = examine();
  if (options.on("json")) {
    std::cout << found.dump(2) << "\n";
    return 0;
  }
  const auto yes = [](const Json& value) { return value.get<bool>() ? "yes" : "no"; };
  const auto shown = [&](const char* key, bool bytes) -> std::string {
    const Json& limit = found.at(key);
    if (limit.is_null()) return "none";
    return bytes ? base::human_bytes(limit.get<double>()) : limit.dump();
  };
  const Json& isa = found.at("instruction_sets");
  std::cout << "cores               " << found.at("cores") << "\n"
            << "instruction sets    AVX2 " << yes(isa.at("avx2")) << ", AVX-512 " << yes(isa.at("avx512"))
            << ", BF16 " << yes(isa.at("avx512_bf16")) << ", VNNI " << yes(isa.at("avx512_vnni")) << ", AMX "
            << yes(isa.at("amx_bf16")) << "\n"
            << "memory              " << base::human_bytes(found.at("memory_gib").get<double>() * (1 << 30))
            << ", available " << base::human_bytes(found.at("memory_available_gib").get<double>() * (1 << 30))
            << "\n"
            << "disk free here      "
            << base::human_bytes(found.at("disk_free_gib").get<double>() * (1 << 30)) << "\n"
            << "compute library     "
            << (found.at("compute_library").get<bool>() ? "found" : "missing: make build makes it") << "\n"
            << "NVIDIA driver       "
            << (found.at("nvidia_driver").get<bool>() ? "found" : "none; the CPU is used") << "\n"
            << "CUDA devices        " << cuda_text(found.at("cuda")) << "\n"
            << "shared memory free  "
            << base::human_bytes(found.at("shared_memory_free_gib").get<double>() * (1 << 30)) << "\n"
            << "open files limit    " << shown("open_files_limit", false) << "\n"
            << "locked memory limit " << shown("locked_memory_limit_bytes", true) << "\n"
            << "stack limit         " << shown("stack_limit_bytes", true) << "\n";
  return 0;
}

}  // namespace swift::cli
