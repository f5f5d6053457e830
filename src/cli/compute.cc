// The verbs that need LibTorch: the settings are checked here, the work is done in the shared library beside
// the executable, which is loaded only now.
#include <dlfcn.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iterator>

#include "base/error.h"
#include "cli/command.h"
#include "cli/task_input.h"
#include "config/resolve.h"

namespace swift::cli {
namespace {

using ComputeRun = int (*)(const char* verb, const config::Task* task);

// Before the library is loaded, because OpenMP and oneDNN read their variables then.
void prepare_runtime() {
  // A thread that waits for another spins this often and then sleeps. libgomp's own 300,000 make a run
  // several times slower when other work takes a core; fewer than this cost idle machines a tenth.
  if (std::getenv("OMP_WAIT_POLICY") == nullptr) setenv("GOMP_SPINCOUNT", "20000", 0);
  // oneDNN, and ATen beside it, keeps a generated program of 256 KiB for each of the last so many shapes; its
  // own 1024 are a quarter of a gigabyte where lengths vary. A step of a fixed shape needs fewer than these.
  setenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64", 0);
  setenv("LRU_CACHE_CAPACITY", "64", 0);
}

ComputeRun load_compute() {
  prepare_runtime();
  const auto library = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "libswift_compute.so";
  void* handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    throw base::Error(base::ExitCode::device, std::string("cannot load the compute library: ") + dlerror(),
                      {library.string()}, "make build makes it; it must lie beside the executable");
  }
  void* entry = dlsym(handle, "swift_compute_run");
  if (entry == nullptr) {
    throw base::Error(base::ExitCode::device, "this is not swift's compute library", {library.string()},
                      "make build makes it; it must lie beside the executable");
  }
  return reinterpret_cast<ComputeRun>(entry);
}

}  // namespace

int run_compute(std::string_view verb, const std::vector<std::string>& words) {
  const config::Task task = read_task(verb, words, true);
  const bool trains = config::trains(verb);
  if (verb == "infer" && task.base_url)
    throw base::Error(base::ExitCode::usage, "base_url is not in this build yet");
  const ComputeRun run = load_compute();
  // Whoever reads the progress may leave; the run is worth more.
  if (verb != "infer") std::signal(SIGPIPE, SIG_IGN);
  return run(trains ? "train" : std::string(verb).c_str(), &task);
}

int run_estimate(std::string_view /*verb*/, const std::vector<std::string>& words) {
  std::vector<std::string> settings;
  std::remove_copy(words.begin(), words.end(), std::back_inserter(settings), "--json");
  const config::Task task = read_task("train", settings, false);
  if (task.method == "grpo")
    throw base::Error(base::ExitCode::usage, "estimate does not plan method grpo yet");
  if (task.model.empty())
    throw base::Error(base::ExitCode::usage, "estimate needs a model directory (--model)");
  return load_compute()(settings.size() == words.size() ? "estimate" : "estimate --json", &task);
}

int run_later(std::string_view verb, const std::vector<std::string>& /*words*/) {
  throw base::Error(base::ExitCode::usage, "swift " + std::string(verb) + " is not in this build yet");
}

}  // namespace swift::cli
