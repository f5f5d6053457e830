// Runs the executable as a user would: arguments, environment, standard input; no shell.
#pragma once
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

namespace swift::tests {

namespace fs = std::filesystem;

struct Outcome {
  int code = 0;  // exit code, or 128 + the signal that ended the process
  std::string out;
  std::string err;
};

struct Command {
  std::vector<std::string> words;  // after "swift"
  std::vector<std::string> environment = {};
  std::string input = {};
  rlim_t file_bytes = RLIM_INFINITY;  // largest file it may write: a full disk in miniature
  // Asked every 10 ms; the first true sends `signal`. Before it is asked, *child is the process.
  std::function<bool()> when = {};
  int signal = 0;
  pid_t* child = nullptr;
  std::string executable = SWIFT_BINARY_DIR "/swift";
  std::string out_file = {};  // stdout goes there instead of into the outcome
};

inline std::string contents(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write(const fs::path& file, const std::string& text) {
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
}

// Holds all that this program writes; gone when it ends.
inline const fs::path& scratch_root() {
  struct Root {
    fs::path path = fs::temp_directory_path() / ("swift-cli-" + std::to_string(getpid()));
    ~Root() {
      std::error_code ignored;
      fs::remove_all(path, ignored);
    }
  };
  static const Root root;
  return root.path;
}

// An empty directory for one test.
inline fs::path scratch(const std::string& name) {
  const fs::path path = scratch_root() / name;
  fs::remove_all(path);
  fs::create_directories(path);
  return path;
}

[[noreturn]] inline void become_swift(const Command& command, const fs::path& at) {
  const auto redirect = [&](const char* file, int flags, int target) {
    const int fd = open((at / file).c_str(), flags, 0644);
    dup2(fd, target);
    close(fd);
  };
  redirect("in", O_RDONLY, 0);
  redirect(command.out_file.empty() ? "out" : command.out_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 1);
  redirect("err", O_WRONLY | O_CREAT | O_TRUNC, 2);
  if (command.file_bytes != RLIM_INFINITY) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{command.file_bytes, command.file_bytes};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  setenv("OMP_NUM_THREADS", "1", 1);
  for (const std::string& variable : command.environment) putenv(const_cast<char*>(variable.c_str()));
  std::vector<std::string> words = {command.executable};
  words.insert(words.end(), command.words.begin(), command.words.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  execv(pointers[0], pointers.data());
  _exit(127);
}

inline Outcome run(const Command& command) {
  const fs::path at = scratch("process");
  write(at / "in", command.input);
  const pid_t child = fork();
  if (child == 0) become_swift(command, at);
  if (command.child != nullptr) *command.child = child;
  int status = 0;
  bool sent = false;
  while (waitpid(child, &status, command.when ? WNOHANG : 0) == 0) {
    if (!sent && command.when()) {
      kill(child, command.signal);
      sent = true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), contents(at / "out"),
          contents(at / "err")};
}

inline Outcome swift(std::vector<std::string> words) {
  return run({.words = std::move(words)});
}

}  // namespace swift::tests
