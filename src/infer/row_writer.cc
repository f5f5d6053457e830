#include "infer/row_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ostream>
#include <string_view>

#include "base/error.h"

namespace swift::infer {
namespace fs = std::filesystem;
namespace {

[[noreturn]] void fail(const std::string& what, const fs::path& path) {
  throw base::Error(base::ExitCode::failure, what + ": " + std::strerror(errno), {path.string()});
}

}  // namespace

RowWriter::RowWriter(std::ostream& out) : out_(&out) {}

RowWriter::RowWriter(const fs::path& path) {
  std::error_code fault;
  final_ = fs::weakly_canonical(path, fault);  // a link keeps pointing to its file
  if (fault) final_ = path;
  fault.clear();
  if (final_.has_parent_path()) fs::create_directories(final_.parent_path(), fault);
  if (fault) {
    throw base::Error(base::ExitCode::failure, "cannot create the folder of the result: " + fault.message(),
                      {path.string()});
  }
  const bool directly = fs::exists(final_, fault) && !fs::is_regular_file(final_, fault);
  if (!directly) working_ = final_.string() + ".partial";
  const fs::path& target = directly ? final_ : working_;
  fd_ = ::open(target.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd_ < 0) fail("cannot create", target);
}

RowWriter::~RowWriter() {
  if (fd_ < 0) return;
  ::close(fd_);
  if (!working_.empty() && written_ == 0) ::unlink(working_.c_str());
}

void RowWriter::write_line(const std::string& line) {
  ++written_;
  if (out_ != nullptr) {
    *out_ << line << std::flush;
    if (!*out_) throw base::Error(base::ExitCode::failure, "cannot write the results to standard output");
    return;
  }
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t done = ::write(fd_, rest.data(), rest.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) fail("cannot write", final_);
    rest.remove_prefix(static_cast<size_t>(done));
  }
}

void RowWriter::put(uint64_t index, const base::Json& row) {
  ready_.emplace(index, row.dump(-1, ' ', false, base::Json::error_handler_t::replace) + "\n");
  while (!ready_.empty() && ready_.begin()->first == next_) {
    write_line(ready_.begin()->second);
    ready_.erase(ready_.begin());
    ++next_;
  }
}

void RowWriter::commit() {
  for (const auto& [index, line] : ready_) write_line(line);
  ready_.clear();
  if (working_.empty()) return;
  if (::fsync(fd_) != 0) fail("cannot sync", final_);
  if (::rename(working_.c_str(), final_.c_str()) != 0) fail("cannot rename into place", final_);
  ::close(fd_);
  fd_ = -1;
}

}  // namespace swift::infer
