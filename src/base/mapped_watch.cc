#include "base/mapped_watch.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

#include "base/error.h"
#include "base/format.h"

namespace swift::base {
namespace {

// A signal handler reaches nothing but globals.
std::atomic<int64_t> lost = 0;
std::atomic<int64_t> forgiven = 0;
static_assert(std::atomic<int64_t>::is_always_lock_free);

// Puts a page of zeros where the file has none any more. Other causes end the process as ever.
extern "C" void on_lost_page(int, siginfo_t* info, void*) {
  if (info->si_code == BUS_ADRERR) {
    const auto size = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
    void* page = reinterpret_cast<void*>(reinterpret_cast<uintptr_t>(info->si_addr) & ~(size - 1));
    if (::mmap(page, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED) {
      ++lost;
      return;
    }
  }
  ::signal(SIGBUS, SIG_DFL);
}

void install_handler() {
  struct sigaction action {};
  action.sa_sigaction = on_lost_page;
  action.sa_flags = SA_SIGINFO;
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGBUS, &action, nullptr);
}

int64_t nanoseconds(const timespec& time) {
  return static_cast<int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

MappedWatch::MappedWatch(const std::vector<std::filesystem::path>& files) {
  install_handler();
  for (const std::filesystem::path& path : files) {
    File file{.path = path, .descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    struct stat info {};
    if (file.descriptor < 0 || ::fstat(file.descriptor, &info) != 0) {
      const std::string reason = std::strerror(errno);
      if (file.descriptor >= 0) ::close(file.descriptor);
      close_all();
      throw Error(ExitCode::model, cat("cannot open: ", reason), {path.string()});
    }
    file.size = info.st_size;
    file.modified = nanoseconds(info.st_mtim);
    files_.push_back(std::move(file));
  }
}

MappedWatch::~MappedWatch() {
  close_all();
}

void MappedWatch::close_all() {
  for (const File& file : files_) ::close(file.descriptor);
  files_.clear();
}

void MappedWatch::report(const std::string& message) {
  const std::scoped_lock lock(mutex_);
  if (message_.empty()) message_ = message;
  faulty_ = true;
}

std::optional<std::string> MappedWatch::fault() {
  if (!faulty_) {
    for (const File& file : files_) {
      struct stat info {};
      const bool same = ::fstat(file.descriptor, &info) == 0 && info.st_size == file.size &&
                        nanoseconds(info.st_mtim) == file.modified;
      if (!same) {
        report(cat(file.path.string(), " was written to while it was in use"));
        break;
      }
    }
  }
  if (!faulty_) return std::nullopt;
  const std::scoped_lock lock(mutex_);
  return message_;
}

void MappedWatch::require_intact() {
  if (lost_pages() > 0) report("a file of the model was cut short while it was in use");
  if (!faulty_) return;
  const std::scoped_lock lock(mutex_);
  throw Error(ExitCode::model, message_, {}, "start again with complete files");
}

int64_t MappedWatch::lost_pages() {
  return lost - forgiven;
}

void MappedWatch::forgive(int64_t pages) {
  forgiven += pages;
}

}  // namespace swift::base
