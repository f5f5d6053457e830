// Files that a long-running process has mapped, watched for what others do to them. A file replaced or
// removed as a whole is harmless: the mapping keeps the old one. One written in place changes what is read,
// and one cut short takes pages away, which raises SIGBUS.
#pragma once
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace swift::base {

class MappedWatch {
 public:
  // From here on a page that a mapped file has lost reads as zeros and is counted, in the whole process.
  // Throws Error(model) for a file that cannot be opened.
  explicit MappedWatch(const std::vector<std::filesystem::path>& files);
  MappedWatch(const MappedWatch&) = delete;
  MappedWatch& operator=(const MappedWatch&) = delete;
  ~MappedWatch();

  // Looks at the files' sizes and times. What is wrong, from the first fault on; any thread.
  std::optional<std::string> fault();
  // Throws Error(model) when a fault is known or pages were lost. For the thread that reads the mappings.
  void require_intact();
  // Pages lost so far. forgive() takes those back that had to do with another file, read on the same thread.
  static int64_t lost_pages();
  static void forgive(int64_t pages);

 private:
  struct File {
    std::filesystem::path path;
    int descriptor = -1;
    int64_t size = 0;
    int64_t modified = 0;  // nanoseconds since 1970
  };
  void report(const std::string& message);
  void close_all();

  std::vector<File> files_;
  std::mutex mutex_;
  std::string message_;
  std::atomic<bool> faulty_ = false;
};

}  // namespace swift::base
