#include "train/report/metrics_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/file.h"

namespace swift::train {
namespace {

[[noreturn]] void fail(const char* what, const std::filesystem::path& path) {
  throw base::Error(base::ExitCode::failure, std::string(what) + ": " + std::strerror(errno),
                    {path.string()});
}

bool belongs_before(std::string_view line, int64_t step) {
  const base::Json fields = base::Json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!fields.is_object()) return false;
  const auto found = fields.find("step");
  return found != fields.end() && found->is_number_integer() && found->get<int64_t>() <= step;
}

// The whole lines of `text` that a run resumed at `step` keeps.
std::string kept_lines(std::string_view text, int64_t step) {
  std::string kept;
  for (size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    if (belongs_before(text.substr(0, end), step)) kept += text.substr(0, end + 1);
    text.remove_prefix(end + 1);
  }
  return kept;
}

}  // namespace

MetricsLog::MetricsLog(std::filesystem::path path, int flags)
    : path_(std::move(path)),
      descriptor_(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | flags, 0644)) {
  if (descriptor_ < 0) fail("cannot open", path_);
}

MetricsLog MetricsLog::create(const std::filesystem::path& path) {
  return {path, O_TRUNC};
}

MetricsLog MetricsLog::resume(const std::filesystem::path& path, int64_t step) {
  if (std::filesystem::exists(path)) {
    const std::string text = base::read_file(path, base::ExitCode::failure);
    const std::string kept = kept_lines(text, step);
    if (kept.size() != text.size()) base::write_file_atomic(path, kept);
  }
  return {path, 0};
}

MetricsLog::MetricsLog(MetricsLog&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

MetricsLog& MetricsLog::operator=(MetricsLog&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

MetricsLog::~MetricsLog() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void MetricsLog::write(const base::Json& fields) {
  const std::string line = fields.dump(-1, ' ', false, base::Json::error_handler_t::replace) + "\n";
  const off_t whole = ::lseek(descriptor_, 0, SEEK_END);
  for (size_t done = 0; done < line.size();) {
    const ssize_t wrote = ::write(descriptor_, line.data() + done, line.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) {
      const int fault = errno;
      // No torn line is left behind; a pipe or a device has no end to go back to.
      if (whole >= 0 && ::ftruncate(descriptor_, whole) != 0) errno = fault;
      errno = fault;
      fail("cannot write the log, is the disk full?", path_);
    }
    done += static_cast<size_t>(wrote);
  }
}

}  // namespace swift::train
