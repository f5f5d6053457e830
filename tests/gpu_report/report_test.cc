#include "report.h"

#include <catch2/catch.hpp>

using namespace swift::gpu_bench;
namespace base = swift::base;

namespace {

// Made-up rates: 4 TB/s and 700 TFLOP/s.
Machine machine() {
  return {"NVIDIA H200", {4e12, 4.2e12, 700e12}, {{"driver", "580.65 (CUDA 13.0)"}}};
}

Row measured() {
  Row row;
  row.kernel = "add + RMSNorm";
  row.what = "16384 x 4096 bf16";
  row.bytes = 400e6;
  row.seconds = 125e-6;
  row.library = "ATen";
  row.library_seconds = 250e-6;
  row.targets = {{Measure::limit_share, 0.85}, {Measure::ratio, 1.5}};
  return row;
}

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a row's share of the limit is that of the slower of memory and products") {
  const Limits limits = machine().limits;
  Row row = measured();
  CHECK(*limit_share(row, limits) == Approx(0.8));
  row.flops = 70e9;  // 100 us, too
  CHECK(*limit_share(row, limits) == Approx(0.8));
  row.flops = 87.5e9;
  CHECK(*limit_share(row, limits) == Approx(1.0));
  CHECK_FALSE(limit_share(row, {4e12, 0, 0}));  // products were not measured
  row.seconds.reset();
  CHECK_FALSE(limit_share(row, limits));
  row = measured();
  row.bytes = 0;
  CHECK_FALSE(limit_share(row, limits));
}

TEST_CASE("targets are met or missed, or unknown without their figure") {
  const Limits limits = machine().limits;
  Row row = measured();
  CHECK(*reached({Measure::limit_share, 0.8}, row, limits));
  CHECK_FALSE(*reached({Measure::limit_share, 0.85}, row, limits));
  CHECK(*reached({Measure::ratio, 2.0}, row, limits));
  CHECK_FALSE(*reached({Measure::seconds, 100e-6}, row, limits));
  CHECK(*reached({Measure::seconds, 150e-6}, row, limits));
  row.flops = 50e9;
  CHECK(*reached({Measure::tera_flops, 400}, row, limits));
  CHECK_FALSE(*reached({Measure::tera_flops, 550}, row, limits));
  CHECK_FALSE(reached({Measure::memory, 1e9}, row, limits));
  row.memory = 1.1e9;
  CHECK(*reached({Measure::memory, 1.2e9}, row, limits));
  row.library_seconds.reset();
  CHECK_FALSE(reached({Measure::ratio, 2.0}, row, limits));
}

TEST_CASE("figures have three digits and a unit") {
  CHECK(time_text(12.345e-6) == "12.3 us");
  CHECK(time_text(0.5e-6) == "0.50 us");
  CHECK(time_text(1.0499e-3) == "1.05 ms");
  CHECK(time_text(999.9e-6) == "1.00 ms");
  CHECK(time_text(2) == "2.00 s");
  CHECK(bytes_text(1.2e9) == "1.20 GB");
  CHECK(bytes_text(268435456) == "268 MB");
  CHECK(bytes_text(4096) == "4.10 kB");
  CHECK(text_of({Measure::limit_share, 0.85}) == "85 % of the limit");
  CHECK(text_of({Measure::tera_flops, 350}) == "350 TFLOP/s");
  CHECK(text_of({Measure::ratio, 3.5}) == "3.5 x");
  CHECK(text_of({Measure::seconds, 150e-6}) == "150 us");
  CHECK(text_of({Measure::memory, 1.2e9}) == "1.2 GB");
}

TEST_CASE("the page has a line for each row and blanks for what was not measured") {
  Row blank = measured();
  blank.kernel = "sampling";
  blank.seconds.reset();
  blank.library_seconds.reset();
  blank.note = "kernel: broken";
  const std::string text =
      page(machine(), {measured(), blank}, {"rope ended after 0 rows: ended by signal 6"});
  CHECK(holds(text, "# CUDA kernels on NVIDIA H200\n"));
  CHECK(holds(text, "| driver | 580.65 (CUDA 13.0) |\n"));
  CHECK(holds(text, "| copying, measured | 4.00 TB/s |\n"));
  CHECK(holds(text, "| bf16 products, measured (cuBLASLt) | 700 TFLOP/s |\n"));
  CHECK(holds(
      text,
      "| add + RMSNorm | 16384 x 4096 bf16 | 125 us | 400 MB | 3.20 TB/s | 80 % | ATen | 250 us | 2.00 |  "
      "| 85 % of the limit (missed); 1.5 x (met) |  |\n"));
  CHECK(holds(text,
              "| sampling | 16384 x 4096 bf16 |  | 400 MB |  |  | ATen |  |  |  | 85 % of the limit; 1.5 x | "
              "kernel: broken |\n"));
  CHECK(holds(text, "\n- rope ended after 0 rows: ended by signal 6\n"));
  CHECK(holds(page({"x", {}, {}}, {}, {}), "| copying, measured |  |\n"));
}

TEST_CASE("a device's page has a name that any file system takes") {
  CHECK(file_name("NVIDIA H200") == "nvidia-h200.md");
  CHECK(file_name("NVIDIA GeForce RTX 4090 (Ti) ") == "nvidia-geforce-rtx-4090-ti.md");
  CHECK(file_name("") == "device.md");
}

TEST_CASE("rows and machines cross from one process to another") {
  Row row = measured();
  row.memory = 5e8;
  row.note = "a \"note\"\nof two lines";
  const Row again = row_of(base::parse_json(to_json(row).dump(), "row"));
  CHECK(again.kernel == row.kernel);
  CHECK(again.what == row.what);
  CHECK(again.bytes == row.bytes);
  CHECK(again.flops == row.flops);
  CHECK(again.seconds == row.seconds);
  CHECK(again.memory == row.memory);
  CHECK(again.library == row.library);
  CHECK(again.library_seconds == row.library_seconds);
  CHECK(again.note == row.note);
  REQUIRE(again.targets.size() == 2);
  CHECK(again.targets[1].measure == Measure::ratio);
  CHECK(again.targets[1].value == 1.5);
  row.seconds.reset();
  CHECK_FALSE(row_of(to_json(row)).seconds);
  const Machine other = machine_of(base::parse_json(to_json(machine()).dump(), "machine"));
  CHECK(other.device == "NVIDIA H200");
  CHECK(other.limits.copy_rate == 4e12);
  CHECK(other.facts == machine().facts);
  CHECK_THROWS_AS(row_of(base::Json{{"kernel", 1}}), base::Error);
  CHECK_THROWS_AS(machine_of(base::Json::array()), base::Error);
}
