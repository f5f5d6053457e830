#include "base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

namespace swift::base {
namespace fs = std::filesystem;
namespace {

[[noreturn]] void fail(ExitCode code, const std::string& what, const fs::path& path) {
  throw Error(code, what + ": " + std::strerror(errno), {path.string()});
}

// Closes on every way out.
struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

void write_all(int fd, std::string_view bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const ssize_t done = ::write(fd, bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) fail(ExitCode::failure, "cannot write", path);
    bytes.remove_prefix(static_cast<size_t>(done));
  }
}

void sync_path(const fs::path& path) {
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.fd < 0 || ::fsync(file.fd) != 0) fail(ExitCode::failure, "cannot sync", path);
}

fs::path hidden_sibling(const fs::path& path) {
  return path.parent_path() / ("." + path.filename().string() + ".partial-" + std::to_string(::getpid()));
}

}  // namespace

std::string read_file(const fs::path& path, ExitCode code) {
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  struct stat info {};
  if (file.fd < 0 || ::fstat(file.fd, &info) != 0) fail(code, "cannot open", path);
  if (S_ISDIR(info.st_mode)) throw Error(code, "is a directory, a file was expected", {path.string()});
  std::string bytes;
  std::string chunk(1 << 16, '\0');
  for (;;) {
    const ssize_t got = ::read(file.fd, chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(code, "cannot read", path);
    if (got == 0) return bytes;
    bytes.append(chunk.data(), static_cast<size_t>(got));
  }
}

void write_file_atomic(const fs::path& path, std::string_view bytes) {
  const fs::path working = hidden_sibling(path);
  try {
    const Descriptor file{::open(working.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)};
    if (file.fd < 0) fail(ExitCode::failure, "cannot create", path);
    write_all(file.fd, bytes, path);
    if (::fsync(file.fd) != 0) fail(ExitCode::failure, "cannot sync", path);
    if (::rename(working.c_str(), path.c_str()) != 0)
      fail(ExitCode::failure, "cannot rename into place", path);
  } catch (...) {
    ::unlink(working.c_str());
    throw;
  }
}

void ensure_writable_directory(const fs::path& path) {
  std::error_code fault;
  fs::create_directories(path, fault);
  if (fault)
    throw Error(ExitCode::failure, "cannot create the directory: " + fault.message(), {path.string()});
  const fs::path probe = path / (".writable-" + std::to_string(::getpid()));
  const Descriptor file{::open(probe.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644)};
  if (file.fd < 0) fail(ExitCode::failure, "the directory cannot be written", path);
  ::unlink(probe.c_str());
}

MappedFile MappedFile::open(const fs::path& path, ExitCode code) {
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  struct stat info {};
  if (file.fd < 0 || ::fstat(file.fd, &info) != 0) fail(code, "cannot open", path);
  MappedFile mapped;
  mapped.size_ = static_cast<size_t>(info.st_size);
  if (mapped.size_ == 0) return mapped;
  void* data = ::mmap(nullptr, mapped.size_, PROT_READ, MAP_PRIVATE, file.fd, 0);
  if (data == MAP_FAILED) {
    mapped.size_ = 0;
    fail(code, "cannot map", path);
  }
  mapped.data_ = static_cast<const std::byte*>(data);
  return mapped;
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

AtomicDirectory::AtomicDirectory(fs::path final_path) : final_(std::move(final_path)) {
  if (final_.filename().empty()) final_ = final_.parent_path();
  working_ = hidden_sibling(final_);
  std::error_code fault;
  fs::remove_all(working_, fault);
  fs::create_directories(working_, fault);
  if (fault)
    throw Error(ExitCode::failure, "cannot create the directory: " + fault.message(), {final_.string()});
}

AtomicDirectory::~AtomicDirectory() {
  std::error_code ignored;
  if (!committed_) fs::remove_all(working_, ignored);
}

void AtomicDirectory::commit() {
  for (const auto& entry : fs::recursive_directory_iterator(working_)) sync_path(entry.path());
  std::error_code fault;
  const fs::path old = hidden_sibling(final_.string() + "-old");
  if (fs::exists(final_)) fs::rename(final_, old, fault);
  if (!fault) {
    fs::rename(working_, final_, fault);
    std::error_code ignored;
    if (fault && fs::exists(old, ignored)) fs::rename(old, final_, ignored);
  }
  if (fault)
    throw Error(ExitCode::failure, "cannot rename into place: " + fault.message(), {final_.string()});
  committed_ = true;
  fs::remove_all(old, fault);
  sync_path(final_.has_parent_path() ? final_.parent_path() : fs::path("."));
}

}  // namespace swift::base
