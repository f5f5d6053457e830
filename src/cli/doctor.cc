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

Json examine() {
  const fs::path beside = fs::read_symlink("/proc/self/exe").parent_path();
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  std::error_code fault;
  const auto space = fs::space(fs::current_path(), fault);
  return {{"cores", std::thread::hardware_concurrency()},
          {"instruction_sets", instruction_sets()},
          {"memory_gib", memory_gib("MemTotal:")},
          {"memory_available_gib", memory_gib("MemAvailable:")},
          {"disk_free_gib", fault ? 0.0 : static_cast<double>(space.available) / (1 << 30)},
          {"compute_library", fs::exists(beside / "libswift_compute.so")},
          {"nvidia_driver", fs::exists("/proc/driver/nvidia/version")},
          {"open_files_limit", files.rlim_cur}};
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
            << "open files limit    " << found.at("open_files_limit") << "\n";
  return 0;
}

}  // namespace swift::cli
