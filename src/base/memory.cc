#include "base/memory.h"

#include <charconv>
#include <fstream>

namespace swift::base {
namespace {

// "Name:   123 kB" in a file of /proc, in bytes; 0 when absent.
int64_t kilobytes(const char* file, const std::string& name) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(name + ":")) return std::strtoll(line.c_str() + name.size() + 1, nullptr, 10) * 1024;
  }
  return 0;
}

// A file that holds a number; 0 for "max" or none.
int64_t number_in(const std::string& file) {
  std::ifstream in(file);
  std::string text;
  std::getline(in, text);
  int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

int64_t resident_bytes() {
  return kilobytes("/proc/self/status", "VmRSS");
}

MemoryLimit memory_limit() {
  MemoryLimit limit;
  const int64_t available = kilobytes("/proc/meminfo", "MemAvailable");
  if (available > 0) limit = {available + resident_bytes(), "available memory"};
  for (const char* file : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    const int64_t most = number_in(file);
    if (most > 0 && (limit.bytes == 0 || most < limit.bytes)) limit = {most, "the control group's limit"};
  }
  return limit;
}

}  // namespace swift::base
