#include "worker.h"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <exception>

#include "base/error.h"
#include "base/format.h"

namespace swift::gpu_bench {
namespace {

using Clock = std::chrono::steady_clock;
// A line that begins with this byte is the work's error.
constexpr char kFault = '\1';

void write_line(int to, const std::string& line) {
  const std::string text = line + "\n";
  for (size_t at = 0; at < text.size();) {
    const ssize_t wrote = ::write(to, text.data() + at, text.size() - at);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) ::_exit(1);
    at += static_cast<size_t>(wrote);
  }
}

// Without the destructors of this process's other objects: they are the parent's.
[[noreturn]] void work_and_leave(const std::function<void(const Say&)>& work, int to) {
  try {
    work([to](const std::string& line) { write_line(to, line); });
    ::_exit(0);
  } catch (const base::Error& error) {
    write_line(to, kFault + error.message());
  } catch (const std::exception& error) {
    write_line(to, kFault + std::string(error.what()));
  }
  ::_exit(1);
}

// Until the child closes its end, or false at the deadline.
bool listen(int from, Clock::time_point deadline, const Say& hear, std::string& fault) {
  std::string pending;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    pollfd ready{from, POLLIN, 0};
    const int found = ::poll(&ready, 1, static_cast<int>(left));
    if (found < 0 && errno == EINTR) continue;
    if (found <= 0) return false;
    char bytes[4096];
    const ssize_t got = ::read(from, bytes, sizeof bytes);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return true;
    pending.append(bytes, static_cast<size_t>(got));
    for (size_t end = pending.find('\n'); end != std::string::npos; end = pending.find('\n')) {
      const std::string line = pending.substr(0, end);
      pending.erase(0, end + 1);
      if (!line.empty() && line[0] == kFault) {
        fault = line.substr(1);
      } else if (fault.empty()) {
        hear(line);
      }
    }
  }
}

}  // namespace

Ending run_worker(const std::function<void(const Say&)>& work, const Say& hear, double seconds) {
  int ends[2];
  if (::pipe(ends) != 0)
    throw base::Error(base::ExitCode::failure, std::string("no pipe: ") + std::strerror(errno));
  const pid_t child = ::fork();
  if (child < 0)
    throw base::Error(base::ExitCode::failure, std::string("no process: ") + std::strerror(errno));
  if (child == 0) {
    ::close(ends[0]);
    work_and_leave(work, ends[1]);
  }
  ::close(ends[1]);
  Ending ending;
  const auto deadline =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  const bool closed = listen(ends[0], deadline, hear, ending.fault);
  ::close(ends[0]);
  if (!closed) {
    ::kill(child, SIGKILL);
    ending.fault = base::cat("not done after ", seconds, " s");
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!ending.fault.empty()) return ending;
  ending.done = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  if (WIFSIGNALED(status)) ending.fault = base::cat("ended by signal ", WTERMSIG(status));
  if (!ending.done && ending.fault.empty()) ending.fault = base::cat("ended with ", WEXITSTATUS(status));
  return ending;
}

}  // namespace swift::gpu_bench
