// A file for bytes that outlive no process: it has no name once it is open.
#pragma once
#include <cstdint>
#include <filesystem>
#include <span>

namespace swift::base {

class ScratchFile {
 public:
  // Created in `directory`, which must exist. Throws Error(failure) naming it and the system's reason.
  explicit ScratchFile(std::filesystem::path directory);
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;
  ~ScratchFile();

  // Throw Error(failure), for example on a full disk.
  void write(std::span<const std::byte> bytes, int64_t offset);
  void read(std::span<std::byte> bytes, int64_t offset) const;
  // Makes room on the disk now, so that no write through a mapping can fail later.
  void reserve(int64_t offset, int64_t bytes);

  // Asks the system to read ahead, or to let go of what it holds.
  void fetch(int64_t offset, int64_t bytes) const;
  void forget(int64_t offset, int64_t bytes) const;
  int descriptor() const { return descriptor_; }
  const std::filesystem::path& directory() const { return directory_; }

 private:
  [[noreturn]] void fail(const char* what) const;
  std::filesystem::path directory_;
  int descriptor_ = -1;
};

}  // namespace swift::base
