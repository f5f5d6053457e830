// The verbs on a device: `device: auto` finds it, and its answers are the CPU's.
#include "cli/compute/verbs.h"

#include <unistd.h>

#include <catch2/catch.hpp>

#include "base/file.h"
#include "cli/compute/device.h"
#include "config/load.h"
#include "config/resolve.h"
#include "device/host_device.h"

using namespace swift;
namespace fs = std::filesystem;

namespace {

struct Folder {
  fs::path path = fs::temp_directory_path() / ("swift_device_" + std::to_string(getpid()));
  Folder() {
    fs::remove_all(path);
    fs::create_directories(path);
  }
  ~Folder() { fs::remove_all(path); }
};

// A task of the demo model; `settings` are lines of YAML.
config::Task task_of(const fs::path& folder, const std::string& verb, const std::string& settings) {
  const fs::path model = fs::path(SWIFT_SOURCE_DIR) / "assets/demo/base";
  base::write_file_atomic(folder / "task.yaml", "model: " + model.string() + "\n" + settings);
  config::Task task = config::load_file(folder / "task.yaml");
  config::resolve(task, verb);
  return task;
}

std::string answers(const fs::path& folder, const std::string& device) {
  const fs::path result = folder / ("answers_" + device.substr(0, 4) + ".jsonl");
  const fs::path rows = folder / "rows.jsonl";
  base::write_file_atomic(rows, R"({"messages": [{"role": "user", "content": "What is 3 plus 4?"}]})"
                                "\n");
  REQUIRE(cli::infer(task_of(folder, "infer",
                             "infer_input: " + rows.string() + "\nmax_new_tokens: 6\ntemperature: 0\n" +
                                 "result_path: " + result.string() + "\ndevice: " + device + "\n")) == 0);
  return base::read_file(result, base::ExitCode::data);
}

}  // namespace

TEST_CASE("on a device, infer gives the CPU's greedy answer") {
  const Folder folder;
  CHECK(cli::compute_device(task_of(folder.path, "infer", "")) == tests::host_device());
  CHECK(cli::compute_device(task_of(folder.path, "infer", "lm_head_dtype: int8\n")) == at::kCPU);
  const std::string want = answers(folder.path, "cpu");
  const int64_t launches = tests::device_traffic().launches;
  CHECK(answers(folder.path, "cuda:0") == want);
  CHECK(tests::device_traffic().launches > launches);
}

TEST_CASE("a CUDA device that is not there is refused with the number that are") {
  const Folder folder;
  try {
    cli::compute_device(task_of(folder.path, "infer", "device: cuda:1\n"));
    FAIL("no error");
  } catch (const base::Error& error) {
    CHECK(error.code() == base::ExitCode::device);
    CHECK(std::string(error.what()).find("there are 1 CUDA devices") != std::string::npos);
  }
}

TEST_CASE("training that finds no memory on the device ends with 5, and says what was planned") {
  const Folder folder;
  const fs::path rows = fs::path(SWIFT_SOURCE_DIR) / "assets/demo/instruct.jsonl";
  const config::Task task =
      task_of(folder.path, "train",
              "dataset: " + rows.string() + "\nmax_steps: 1\nmax_length: 64\ndevice: cuda\noutput_dir: " +
                  (folder.path / "run").string() + "\n");
  tests::limit_device(size_t{1} << 20);
  try {
    cli::train(task);
    FAIL_CHECK("no error");
  } catch (const base::Error& error) {
    CHECK(error.code() == base::ExitCode::device);
    CHECK(std::string(error.what()).find("planned") != std::string::npos);
  }
  tests::limit_device(std::numeric_limits<size_t>::max());
}
