#include "report.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>

namespace swift::gpu_bench {
namespace {

std::string number(const char* format, double value) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), format, value);
  return text.data();
}

// Three significant digits.
std::string digits(double value) {
  if (value >= 99.95) return number("%.0f", value);
  if (value >= 9.995) return number("%.1f", value);
  return number("%.2f", value);
}

std::string joined(const std::vector<std::string>& parts, const char* between) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : between) + part;
  return text;
}

std::string rate_text(const Row& row) {
  std::vector<std::string> parts;
  if (row.seconds && row.bytes > 0) {
    const double rate = row.bytes / *row.seconds;
    parts.push_back(rate >= 1e11 ? digits(rate / 1e12) + " TB/s" : digits(rate / 1e9) + " GB/s");
  }
  if (row.seconds && row.tokens > 0) parts.push_back(digits(row.tokens / *row.seconds) + " tokens/s");
  if (row.seconds && row.flops > 0) parts.push_back(digits(row.flops / *row.seconds / 1e12) + " TFLOP/s");
  return joined(parts, ", ");
}

std::string work_text(const Row& row) {
  std::vector<std::string> parts;
  if (row.bytes > 0) parts.push_back(bytes_text(row.bytes));
  if (row.flops > 0) parts.push_back(digits(row.flops / 1e9) + " GFLOP");
  return joined(parts, ", ");
}

std::string targets_text(const Row& row, const Limits& limits) {
  std::vector<std::string> parts;
  for (const Target& target : row.targets) {
    const std::optional<bool> met = reached(target, row, limits);
    parts.push_back(text_of(target) + (met ? *met ? " (met)" : " (missed)" : ""));
  }
  return joined(parts, "; ");
}

std::string line(const Row& row, const Limits& limits) {
  const auto shown = [](const std::optional<double>& value, auto text) {
    return value ? text(*value) : std::string();
  };
  std::optional<double> ratio;
  if (row.seconds && row.library_seconds) ratio = *row.library_seconds / *row.seconds;
  const std::vector<std::string> cells = {
      row.kernel,
      row.what,
      shown(row.seconds, time_text),
      work_text(row),
      rate_text(row),
      shown(limit_share(row, limits), [](double share) { return number("%.0f %%", share * 100); }),
      row.library,
      shown(row.library_seconds, time_text),
      shown(ratio, digits),
      shown(row.memory, bytes_text),
      targets_text(row, limits),
      row.note};
  return "| " + joined(cells, " | ") + " |\n";
}

template <class T>
void put(base::Json& json, const char* key, const std::optional<T>& value) {
  if (value) json[key] = *value;
}

std::optional<double> optional_of(const base::Json& json, const char* key) {
  if (!json.contains(key)) return std::nullopt;
  return json.at(key).get<double>();
}

template <class Function>
auto checked(const base::Json& json, Function read) {
  try {
    return read();
  } catch (const base::Json::exception&) {
    throw base::Error(base::ExitCode::failure, "a measuring process said what is no result: " + json.dump());
  }
}

}  // namespace

std::optional<double> limit_share(const Row& row, const Limits& limits) {
  if (!row.seconds || *row.seconds <= 0) return std::nullopt;
  double best = 0;
  if (row.bytes > 0) {
    if (limits.copy_rate <= 0) return std::nullopt;
    best = std::max(best, row.bytes / limits.copy_rate);
  }
  if (row.flops > 0) {
    if (limits.product_rate <= 0) return std::nullopt;
    best = std::max(best, row.flops / limits.product_rate);
  }
  if (best == 0) return std::nullopt;
  return best / *row.seconds;
}

std::optional<bool> reached(const Target& target, const Row& row, const Limits& limits) {
  switch (target.measure) {
    case Measure::limit_share: {
      const std::optional<double> share = limit_share(row, limits);
      if (!share) return std::nullopt;
      return *share >= target.value;
    }
    case Measure::tera_flops:
      if (!row.seconds) return std::nullopt;
      return row.flops / *row.seconds / 1e12 >= target.value;
    case Measure::ratio:
      if (!row.seconds || !row.library_seconds) return std::nullopt;
      return *row.library_seconds / *row.seconds >= target.value;
    case Measure::seconds:
      if (!row.seconds) return std::nullopt;
      return *row.seconds <= target.value;
    case Measure::memory:
      if (!row.memory) return std::nullopt;
      return *row.memory <= target.value;
    case Measure::tokens_rate:
      if (!row.seconds) return std::nullopt;
      return row.tokens / *row.seconds >= target.value;
  }
  return std::nullopt;
}

std::string text_of(const Target& target) {
  switch (target.measure) {
    case Measure::limit_share:
      return number("%.0f %% of the limit", target.value * 100);
    case Measure::tera_flops:
      return number("%.0f TFLOP/s", target.value);
    case Measure::ratio:
      return number("%.3g x", target.value);
    case Measure::seconds:
      return number("%.3g us", target.value * 1e6);
    case Measure::memory:
      return number("%.3g GB", target.value / 1e9);
    case Measure::tokens_rate:
      return number("%.0f tokens/s", target.value);
  }
  return {};
}

std::string time_text(double seconds) {
  if (seconds >= 0.9995) return digits(seconds) + " s";
  if (seconds >= 0.9995e-3) return digits(seconds * 1e3) + " ms";
  return digits(seconds * 1e6) + " us";
}

std::string bytes_text(double bytes) {
  if (bytes >= 0.9995e9) return digits(bytes / 1e9) + " GB";
  if (bytes >= 0.9995e6) return digits(bytes / 1e6) + " MB";
  return digits(bytes / 1e3) + " kB";
}

std::string page(const Machine& machine, const std::vector<Row>& rows,
                 const std::vector<std::string>& notes) {
  const Limits& limits = machine.limits;
  std::string text = "# CUDA kernels on " + machine.device + "\n";
  text +=
      "Made by `bench/gpu.sh`. A time is the median of a call's, by the device's own clock, with caches "
      "cold; "
      "what the host spends on launching is not in it; whole models' are wall-clock. The limit of a row is "
      "the time that its bytes take at "
      "the measured rate of copying or its operations at cuBLASLt's measured bf16 rate, whichever is longer. "
      "Ratio: the library's time over ours. What was not measured is blank.\n\n| | |\n|---|---|\n";
  for (const auto& [name, value] : machine.facts) text += "| " + name + " | " + value + " |\n";
  const auto limit = [&](const char* name, double rate, const char* unit) {
    text += std::string("| ") + name + " | " + (rate > 0 ? digits(rate / 1e12) + unit : "") + " |\n";
  };
  limit("copying, measured", limits.copy_rate, " TB/s");
  limit("reading, measured", limits.read_rate, " TB/s");
  limit("bf16 products, measured (cuBLASLt)", limits.product_rate, " TFLOP/s");
  text +=
      "\n| kernel | case | time | work | rate | of the limit | library | its time | ratio | memory | target "
      "| "
      "note |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n";
  for (const Row& row : rows) text += line(row, limits);
  if (!notes.empty()) text += "\n";
  for (const std::string& note : notes) text += "- " + note + "\n";
  return text;
}

std::string file_name(const std::string& device) {
  std::string name;
  for (const char c : device) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0) {
      name += static_cast<char>(std::tolower(byte));
    } else if (!name.empty() && name.back() != '-') {
      name += '-';
    }
  }
  while (!name.empty() && name.back() == '-') name.pop_back();
  return (name.empty() ? "device" : name) + ".md";
}

base::Json to_json(const Row& row) {
  base::Json json = {{"kernel", row.kernel}, {"what", row.what},     {"bytes", row.bytes},
                     {"flops", row.flops},   {"tokens", row.tokens}, {"library", row.library},
                     {"note", row.note}};
  put(json, "seconds", row.seconds);
  put(json, "memory", row.memory);
  put(json, "library_seconds", row.library_seconds);
  json["targets"] = base::Json::array();
  for (const Target& target : row.targets)
    json["targets"].push_back({static_cast<int>(target.measure), target.value});
  return json;
}

Row row_of(const base::Json& json) {
  return checked(json, [&] {
    Row row;
    row.kernel = json.at("kernel").get<std::string>();
    row.what = json.at("what").get<std::string>();
    row.bytes = json.at("bytes").get<double>();
    row.flops = json.at("flops").get<double>();
    row.tokens = json.at("tokens").get<double>();
    row.library = json.at("library").get<std::string>();
    row.note = json.at("note").get<std::string>();
    row.seconds = optional_of(json, "seconds");
    row.memory = optional_of(json, "memory");
    row.library_seconds = optional_of(json, "library_seconds");
    for (const base::Json& target : json.at("targets"))
      row.targets.push_back({static_cast<Measure>(target.at(0).get<int>()), target.at(1).get<double>()});
    return row;
  });
}

base::Json to_json(const Machine& machine) {
  return {{"device", machine.device},
          {"copy_rate", machine.limits.copy_rate},
          {"read_rate", machine.limits.read_rate},
          {"product_rate", machine.limits.product_rate},
          {"facts", machine.facts}};
}

Machine machine_of(const base::Json& json) {
  return checked(json, [&] {
    Machine machine;
    machine.device = json.at("device").get<std::string>();
    machine.limits = {json.at("copy_rate").get<double>(), json.at("read_rate").get<double>(),
                      json.at("product_rate").get<double>()};
    machine.facts = json.at("facts").get<std::vector<std::pair<std::string, std::string>>>();
    return machine;
  });
}

}  // namespace swift::gpu_bench
