// Files read whole or by mmap, and written so that a reader sees all of them or nothing.
#pragma once
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace swift::base {

// The bytes of a file. Throws Error(code) naming the file and the system's reason.
std::string read_file(const std::filesystem::path& path, ExitCode code = ExitCode::data);

// Writes beside the target, syncs, renames. Throws Error(failure); the old file then stands unchanged.
void write_file_atomic(const std::filesystem::path& path, std::string_view bytes);

// Creates the folder and its parents and checks that a file can be written in it. Throws Error(failure).
void ensure_writable_directory(const std::filesystem::path& path);

// A read-only private mapping of a whole file; moves, unmaps on destruction.
class MappedFile {
 public:
  MappedFile() = default;
  // Throws Error(code) naming the file and the system's reason.
  static MappedFile open(const std::filesystem::path& path, ExitCode code = ExitCode::model);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();
  std::span<const std::byte> bytes() const { return {data_, size_}; }

 private:
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

// A directory that appears under its final name complete or not at all: files go into a hidden sibling,
// commit() syncs and renames it. Destroyed without commit, it removes what it wrote.
class AtomicDirectory {
 public:
  explicit AtomicDirectory(std::filesystem::path final_path);
  AtomicDirectory(const AtomicDirectory&) = delete;
  AtomicDirectory& operator=(const AtomicDirectory&) = delete;
  ~AtomicDirectory();
  const std::filesystem::path& path() const { return working_; }
  // Replaces an existing directory of the final name. Throws Error(failure).
  void commit();

 private:
  std::filesystem::path final_;
  std::filesystem::path working_;
  bool committed_ = false;
};

}  // namespace swift::base
