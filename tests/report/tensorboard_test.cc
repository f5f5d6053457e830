#include "train/report/tensorboard.h"

#include <catch2/catch.hpp>
#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

namespace swift::train {
namespace {
namespace fs = std::filesystem;

std::string hex(std::string_view bytes) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    text += kDigits[static_cast<uint8_t>(c) >> 4];
    text += kDigits[static_cast<uint8_t>(c) & 15];
  }
  return text;
}

TEST_CASE("crc32c gives the check value of RFC 3720") {
  CHECK(crc32c("123456789") == 0xE3069283U);
  CHECK(crc32c("") == 0U);
  CHECK(crc32c(std::string(32, '\0')) == 0x8A9136AAU);
}

TEST_CASE("event files hold the bytes that tensorboard's own writer gives") {
  const base::Json golden = base::read_json(SWIFT_SOURCE_DIR "/tests/golden/tensorboard_events.json");
  const fs::path folder = fs::path(SWIFT_BINARY_DIR) / "report-events";
  fs::remove_all(folder);
  EventWriter writer(folder, golden["start"]);
  for (const auto& point : golden["points"]) {
    writer.scalar(point[0].get<std::string>(), point[1], point[2], point[3]);
  }
  // No close: a running training's file is already whole.
  CHECK(hex(base::read_file(writer.path())) == golden["hex"].get<std::string>());
  CHECK_THAT(writer.path().filename().string(), Catch::StartsWith("events.out.tfevents.1700000000."));
}

TEST_CASE("a second writer of the same second takes a new file") {
  const fs::path folder = fs::path(SWIFT_BINARY_DIR) / "report-events-twice";
  fs::remove_all(folder);
  const EventWriter first(folder, 5), second(folder, 5);
  CHECK(first.path() != second.path());
}

TEST_CASE("an event folder that cannot be made is an error with its path") {
  const fs::path blocked = fs::path(SWIFT_BINARY_DIR) / "report-events-file";
  base::write_file_atomic(blocked, "a file");
  CHECK_THROWS_WITH(EventWriter(blocked / "runs", 5), Catch::Contains("report-events-file"));
}

}  // namespace
}  // namespace swift::train
