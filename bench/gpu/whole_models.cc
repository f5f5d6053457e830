// The rows of gpu_models, which is linked with all of swift and stands beside this program.
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "base/error.h"
#include "families.h"

extern char** environ;

namespace swift::gpu_bench {
namespace {

// Runs the program, whose standard output's lines go to `hear`; returns how it ended.
int run_program(const std::filesystem::path& program, const Say& hear) {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) throw base::Error(base::ExitCode::failure, "no pipe can be made");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addclose(&actions, ends[0]);
  std::string name = program.string();
  std::array<char*, 2> arguments = {name.data(), nullptr};
  pid_t child = 0;
  const int status = ::posix_spawn(&child, name.c_str(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> from(::fdopen(ends[0], "r"), &std::fclose);
  if (status != 0) throw base::Error(base::ExitCode::failure, name + " could not be started");
  std::string line;
  for (int c = std::fgetc(from.get()); c != EOF; c = std::fgetc(from.get())) {
    if (c != '\n') {
      line += static_cast<char>(c);
      continue;
    }
    hear(line);
    line.clear();
  }
  int ended = 0;
  ::waitpid(child, &ended, 0);
  return ended;
}

}  // namespace

void models(Bench& bench) {
  const auto program = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "gpu_models";
  if (!std::filesystem::exists(program)) {
    Row row{.kernel = "models", .what = "decode and training of Qwen3"};
    row.note = "gpu_models is not built: it needs LibTorch (SWIFT_COMPUTE)";
    return bench.report(row);
  }
  const int ended = run_program(
      program, [&](const std::string& line) { bench.report(row_of(base::parse_json(line, "gpu_models"))); });
  if (ended != 0) throw base::Error(base::ExitCode::failure, "gpu_models broke off");
}

}  // namespace swift::gpu_bench
