#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "base/format.h"
#include "base/json.h"
#include "base/suggest.h"

using namespace swift::base;
namespace fs = std::filesystem;

namespace {
fs::path scratch(const std::string& name) {
  const fs::path path = fs::temp_directory_path() / ("swift-base-" + name);
  fs::remove_all(path);
  fs::create_directories(path);
  return path;
}
}  // namespace

TEST_CASE("malformed JSON is reported with its line and column") {
  try {
    parse_json("{\"a\": 1,\n \"b\": }", "x.json");
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.where().str() == "x.json:2:7");
    CHECK(error.code() == ExitCode::data);
  }
}

TEST_CASE("a directory appears complete or not at all") {
  const fs::path root = scratch("atomic");
  {
    AtomicDirectory abandoned(root / "checkpoint-1");
    std::ofstream(abandoned.path() / "weights") << "half";
  }
  CHECK(fs::is_empty(root));
  AtomicDirectory kept(root / "checkpoint-1");
  std::ofstream(kept.path() / "weights") << "whole";
  kept.commit();
  CHECK(read_file(root / "checkpoint-1" / "weights") == "whole");
  CHECK(std::distance(fs::directory_iterator(root), {}) == 1);
}

TEST_CASE("an atomic write that fails leaves the old file and no rest") {
  const fs::path root = scratch("write");
  write_file_atomic(root / "a", "old");
  CHECK_THROWS_AS(write_file_atomic(root / "missing" / "a", "new"), Error);
  CHECK(read_file(root / "a") == "old");
}

TEST_CASE("the nearest name is suggested only when it is near") {
  const std::vector<std::string> names = {"learning_rate", "lora_rank"};
  CHECK(nearest("learning_rat", names) == "learning_rate");
  CHECK(nearest("laerning_rate", names) == "learning_rate");
  CHECK_FALSE(nearest("zzzzzz", names));
}

TEST_CASE("numbers print short and human") {
  CHECK(shortest(0.1) == "0.1");
  CHECK(human_bytes(1536.0 * 1024 * 1024) == "1.5 GiB");
  CHECK(human_seconds(3725) == "1h02m");
}
