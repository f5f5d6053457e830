// gpu_bench: every CUDA kernel's time against what the machine can do and what a user would have called.
#include <chrono>
#include <filesystem>
#include <iostream>

#include "base/file.h"
#include "cuda/device.h"
#include "families.h"
#include "options.h"

namespace swift::gpu_bench {
namespace {

struct Family {
  const char* name;
  void (*run)(Bench& bench);
  double seconds = 120;  // more than it takes; what hangs is ended
};
constexpr Family kFamilies[] = {{"rms_norm", rms_norm},
                                {"rope", rope},
                                {"gated", gated},
                                {"int4_linear", int4_linear},
                                {"skinny_linear", skinny_linear},
                                {"paged_decode", paged_decode},
                                {"attention", attention},
                                {"cross_entropy", cross_entropy},
                                {"sampling", sampling},
                                {"adamw", adamw},
                                {"embedding", embedding},
                                {"dequantize", dequantize},
                                {"lora", lora},
                                {"experts", experts},
                                {"q_galore", q_galore},
                                {"models", models, 300}};

constexpr int kNoDevice = 77;
constexpr double kMachineSeconds = 120;

class Clock {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// The first line is the device's name, or "none" and why; the second what was measured of the machine.
Machine look(std::string& reason) {
  Machine machine;
  const Ending ending = run_worker(
      [](const Say& say) {
        std::string why;
        if (cuda::devices(why).empty()) return say(base::Json{{"none", why}}.dump());
        Bench bench(say);
        say(to_json(measure_machine(bench)).dump());
      },
      [&](const std::string& line) {
        const base::Json json = base::parse_json(line, "machine");
        if (json.contains("none")) {
          reason = json.at("none").get<std::string>();
        } else {
          machine = machine_of(json);
        }
      },
      kMachineSeconds);
  if (!ending.done)
    throw base::Error(base::ExitCode::device, "the machine's limits could not be measured: " + ending.fault,
                      {}, "run 'swift doctor' to see the driver and device");
  return machine;
}

struct Outcome {
  std::vector<Row> rows;
  std::vector<std::string> notes;
  bool failed = false;
};

void run_family(const Family& family, double seconds, Outcome& outcome) {
  const size_t before = outcome.rows.size();
  const Ending ending = run_worker(
      [&](const Say& say) {
        Bench bench(say);
        family.run(bench);
      },
      [&](const std::string& line) {
        outcome.rows.push_back(row_of(base::parse_json(line, family.name)));
        const Row& row = outcome.rows.back();
        std::cerr << row.kernel << ", " << row.what << ": "
                  << (row.seconds ? time_text(*row.seconds) : "not measured") << "\n";
      },
      seconds);
  if (ending.done) return;
  outcome.failed = true;
  outcome.notes.push_back(std::string(family.name) + " ended after " +
                          std::to_string(outcome.rows.size() - before) + " rows: " + ending.fault);
  std::cerr << outcome.notes.back() << "\n";
}

int measure(const Options& options) {
  const Clock clock;
  std::string reason;
  const Machine machine = look(reason);
  if (machine.device.empty()) {
    std::cout << "skipped: no CUDA device to measure: " << reason << "\n";
    return kNoDevice;
  }
  const auto path = std::filesystem::path(options.out) / file_name(machine.device);
  std::filesystem::create_directories(options.out);
  Outcome outcome;
  for (const Family& family : kFamilies) {
    if (!options.only.empty() &&
        std::find(options.only.begin(), options.only.end(), family.name) == options.only.end())
      continue;
    const double left = options.seconds - clock.seconds();
    if (left > 1) {
      run_family(family, std::min(left, family.seconds), outcome);
    } else {
      outcome.notes.push_back(std::string(family.name) + " was left out: the time is up");
    }
    base::write_file_atomic(path, page(machine, outcome.rows, outcome.notes));
  }
  std::cout << path.string() << "\n";
  return outcome.failed ? 1 : 0;
}

int run(int argc, char** argv) {
  std::vector<std::string> families;
  for (const Family& family : kFamilies) families.emplace_back(family.name);
  const Options options = parse_options({argv + 1, argv + argc}, families);
  if (options.help) {
    std::cout << help_text(families);
    return 0;
  }
  if (options.list) {
    for (const std::string& name : families) std::cout << name << "\n";
    return 0;
  }
  return measure(options);
}

}  // namespace
}  // namespace swift::gpu_bench

int main(int argc, char** argv) {
  try {
    return swift::gpu_bench::run(argc, argv);
  } catch (const swift::base::Error& error) {
    std::cerr << error.what() << "\n";
    return static_cast<int>(error.code());
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << "\n";
    return 1;
  }
}
