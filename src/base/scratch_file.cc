#include "base/scratch_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "base/error.h"

namespace swift::base {

ScratchFile::ScratchFile(std::filesystem::path directory) : directory_(std::move(directory)) {
  std::string name = (directory_ / ".offload-XXXXXX").string();
  descriptor_ = ::mkostemp(name.data(), O_CLOEXEC);
  if (descriptor_ < 0) fail("cannot create a file for what is offloaded");
  ::unlink(name.c_str());
}

ScratchFile::~ScratchFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void ScratchFile::fail(const char* what) const {
  throw Error(ExitCode::failure, std::string(what) + ": " + std::strerror(errno), {directory_.string()},
              "set offload_dir to a directory on a disk with more room");
}

void ScratchFile::write(std::span<const std::byte> bytes, int64_t offset) {
  while (!bytes.empty()) {
    const ssize_t done = ::pwrite(descriptor_, bytes.data(), bytes.size(), offset);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) fail("cannot write what is offloaded");
    bytes = bytes.subspan(static_cast<size_t>(done));
    offset += done;
  }
}

void ScratchFile::read(std::span<std::byte> bytes, int64_t offset) const {
  while (!bytes.empty()) {
    const ssize_t done = ::pread(descriptor_, bytes.data(), bytes.size(), offset);
    if (done < 0 && errno == EINTR) continue;
    if (done == 0) errno = EIO;
    if (done <= 0) fail("cannot read back what was offloaded");
    bytes = bytes.subspan(static_cast<size_t>(done));
    offset += done;
  }
}

void ScratchFile::reserve(int64_t offset, int64_t bytes) {
  errno = ::posix_fallocate(descriptor_, offset, bytes);
  if (errno != 0) fail("no room for what is offloaded");
}

void ScratchFile::fetch(int64_t offset, int64_t bytes) const {
  ::posix_fadvise(descriptor_, offset, bytes, POSIX_FADV_WILLNEED);
}

void ScratchFile::forget(int64_t offset, int64_t bytes) const {
  ::posix_fadvise(descriptor_, offset, bytes, POSIX_FADV_DONTNEED);
}

}  // namespace swift::base
