#include "base/subprocess.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "base/error.h"
#include "base/format.h"
#include "base/signals.h"

extern char** environ;

namespace swift::base {
namespace {

constexpr size_t kErrorTail = 4096;
constexpr int kPollMilliseconds = 100;  // how soon a signal is seen

// Writing to a program that has ended must fail with EPIPE instead of ending this process.
class WithoutPipeSignal {
 public:
  WithoutPipeSignal() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~WithoutPipeSignal() {
    const timespec now = {0, 0};
    while (sigtimedwait(&pipe_, nullptr, &now) > 0) {
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t pipe_, before_;
};

struct Pipe {
  int read = -1, write = -1;
  Pipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
      throw Error(ExitCode::failure, cat("cannot make a pipe: ", std::strerror(errno)));
    read = ends[0];
    write = ends[1];
  }
};

void close_end(int& descriptor) {
  if (descriptor >= 0) close(descriptor);
  descriptor = -1;
}

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string last_line(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  const size_t at = text.rfind('\n');
  return at == std::string::npos ? text : text.substr(at + 1);
}

}  // namespace

std::vector<std::string> split_command(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  bool inside = false;
  char quote = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '\\' && quote != '\'' && i + 1 < line.size()) {
      word += line[++i];
      inside = true;
    } else if (quote != 0) {
      if (c == quote) {
        quote = 0;
      } else {
        word += c;
      }
    } else if (c == '\'' || c == '"') {
      quote = c;
      inside = true;
    } else if (c == ' ' || c == '\t' || c == '\n') {
      if (inside) words.push_back(std::move(word));
      word.clear();
      inside = false;
    } else {
      word += c;
      inside = true;
    }
  }
  if (quote != 0) throw Error(ExitCode::usage, cat("the command has an open quote: ", line));
  if (inside) words.push_back(std::move(word));
  if (words.empty()) throw Error(ExitCode::usage, "the command is empty");
  return words;
}

Subprocess::Subprocess(const std::vector<std::string>& argv) : name_(argv.at(0)) {
  Pipe in, out, err;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.read, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out.write, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err.write, STDERR_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, usual;
  sigemptyset(&none);
  sigemptyset(&usual);
  for (const int signal : {SIGINT, SIGTERM, SIGPIPE}) sigaddset(&usual, signal);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &usual);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  std::vector<char*> words;
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const int fault = posix_spawnp(&pid_, words[0], &actions, &attributes, words.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  close_end(in.read);
  close_end(out.write);
  close_end(err.write);
  in_ = in.write;
  out_ = out.read;
  err_ = err.read;
  if (fault != 0) {
    pid_ = -1;
    for (int* end : {&in_, &out_, &err_}) close_end(*end);
    throw Error(ExitCode::usage, cat("cannot start '", name_, "': ", std::strerror(fault)), {},
                "give a program that is in PATH, or its full path");
  }
  for (const int end : {in_, out_, err_}) fcntl(end, F_SETFL, O_NONBLOCK);
}

Subprocess::~Subprocess() {
  for (int* end : {&in_, &out_, &err_}) close_end(*end);
  kill_group();
}

void Subprocess::kill_group() {
  if (pid_ < 0) return;
  kill(-pid_, SIGKILL);
  wait();
}

int Subprocess::wait() {
  int status = 0;
  while (pid_ > 0 && waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return status;
}

void Subprocess::fail(const std::string& what) {
  kill_group();
  const std::string said = last_line(errors_);
  throw Error(ExitCode::failure, cat("'", name_, "' ", what, said.empty() ? "" : ": " + said));
}

// False at the end of the stream.
bool Subprocess::read_some(int& descriptor, std::string& into) {
  std::array<char, 65536> buffer;
  const ssize_t count = read(descriptor, buffer.data(), buffer.size());
  if (count > 0) into.append(buffer.data(), static_cast<size_t>(count));
  const bool open = count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR));
  if (!open) close_end(descriptor);
  return open;
}

void Subprocess::pump(std::string_view input, Until until, double seconds) {
  const WithoutPipeSignal guard;
  const double deadline = now() + seconds;
  while (true) {
    if (until == Until::line && output_.find('\n') != std::string::npos && input.empty()) return;
    if (out_ < 0) return;
    if (stop_signal() != 0) {
      kill_group();
      throw Error(static_cast<ExitCode>(128 + stop_signal()), "stopped while waiting for '" + name_ + "'");
    }
    if (now() > deadline) fail(cat("did not answer in ", shortest(seconds), " seconds"));
    if (input.empty() && until == Until::end) close_end(in_);
    std::array<pollfd, 3> ends = {
        {{input.empty() ? -1 : in_, POLLOUT, 0}, {out_, POLLIN, 0}, {err_, POLLIN, 0}}};
    if (poll(ends.data(), ends.size(), kPollMilliseconds) <= 0) continue;
    if (ends[0].revents != 0) {
      const ssize_t count = write(in_, input.data(), std::min<size_t>(input.size(), 65536));
      if (count > 0) input.remove_prefix(static_cast<size_t>(count));
      if (count < 0 && errno != EAGAIN && errno != EINTR)
        input = {};  // it does not read on; what it says counts
    }
    if (ends[2].revents != 0) {
      read_some(err_, errors_);
      if (errors_.size() > kErrorTail) errors_.erase(0, errors_.size() - kErrorTail);
    }
    if (ends[1].revents != 0) read_some(out_, output_);
  }
}

std::string Subprocess::finish(std::string_view input, double seconds) {
  pump(input, Until::end, seconds);
  while (err_ >= 0) {
    pollfd end = {err_, POLLIN, 0};
    if (poll(&end, 1, kPollMilliseconds) <= 0 || !read_some(err_, errors_)) break;
  }
  // Its output is closed; a program that goes on nevertheless has the rest of its time and no more.
  int status = 0;
  const double deadline = now() + seconds;
  while (waitpid(pid_, &status, WNOHANG) == 0) {
    if (now() > deadline) fail("closed its output and does not end");
    usleep(2000);
  }
  pid_ = -1;
  if (WIFSIGNALED(status)) fail(cat("was ended by signal ", WTERMSIG(status)));
  if (WEXITSTATUS(status) != 0) fail(cat("ended with status ", WEXITSTATUS(status)));
  return std::move(output_);
}

std::string Subprocess::ask(std::string_view line, double seconds) {
  pump(std::string(line) + "\n", Until::line, seconds);
  const size_t at = output_.find('\n');
  if (at == std::string::npos) fail("ended without an answer");
  std::string answer = output_.substr(0, at);
  output_.erase(0, at + 1);
  return answer;
}

}  // namespace swift::base
