// What the benchmark of CUDA kernels measured, and the page it becomes. Nothing here needs a device.
#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"

namespace swift::gpu_bench {

// What the device can do, measured in the same run; 0: not measured.
struct Limits {
  double copy_rate = 0;     // bytes a second, read and written both counted
  double read_rate = 0;     // bytes a second
  double product_rate = 0;  // bf16 floating-point operations a second
};

struct Machine {
  std::string device;  // "NVIDIA H200"
  Limits limits;
  std::vector<std::pair<std::string, std::string>> facts;  // name and value: driver, versions
};

// What a target bounds. Shares and rates are to be reached, the others not to be exceeded.
enum class Measure {
  limit_share,  // of what the machine can do at best
  tera_flops,   // 10^12 operations a second
  ratio,        // the library's time over ours
  seconds,
  memory,      // bytes
  tokens_rate  // a second
};
struct Target {
  Measure measure;
  double value;
};

// One kernel at one shape. What was not measured has no value.
struct Row {
  std::string kernel, what;
  double bytes = 0;  // that must move between the device and its memory, each once
  double flops = 0;
  double tokens = 0;              // that one call computes; 0: not counted
  std::optional<double> seconds;  // of one call
  std::optional<double> memory;   // bytes of scratch and results
  std::string library;            // what a user would have called
  std::optional<double> library_seconds;
  std::vector<Target> targets;
  std::string note;  // why a figure is missing
};

// The part of the machine's limit that a row reaches: the time its bytes or its operations would take at the
// measured rates, whichever is longer, over its own.
std::optional<double> limit_share(const Row& row, const Limits& limits);

// Whether a target is reached; nothing without the figure.
std::optional<bool> reached(const Target& target, const Row& row, const Limits& limits);

// "85 % of the limit", "350 TFLOP/s", "3.5 x", "150 us", "1.2 GB", "1250 tokens/s".
std::string text_of(const Target& target);

// Three significant digits and a unit: "12.3 us", "1.05 ms", "0.98 GB".
std::string time_text(double seconds);
std::string bytes_text(double bytes);

// The whole page in Markdown.
std::string page(const Machine& machine, const std::vector<Row>& rows, const std::vector<std::string>& notes);

// "NVIDIA H200" becomes "nvidia-h200.md".
std::string file_name(const std::string& device);

// Rows and machines between processes; they throw base::Error(failure) on other JSON.
base::Json to_json(const Row& row);
Row row_of(const base::Json& json);
base::Json to_json(const Machine& machine);
Machine machine_of(const base::Json& json);

}  // namespace swift::gpu_bench
