// What the field table is turned into: docs/settings.md, JSON Schema, help; and the task files of the
// repository.
#include <algorithm>
#include <catch2/catch.hpp>
#include <sstream>

#include "base/file.h"
#include "config/fields.h"
#include "config/help.h"
#include "config/names.h"
#include "config/resolve.h"
#include "given.h"

using namespace swift::config;
using swift::base::Json;

TEST_CASE("docs/settings.md is what `swift config explain --all` prints") {
  INFO("to make it again: build/release/swift config explain --all > docs/settings.md");
  CHECK(swift::base::read_file(fs::path(SWIFT_SOURCE_DIR) / "docs/settings.md") == reference_page());
}

TEST_CASE("every task file in configs/ loads, resolves and has what training needs") {
  size_t count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(SWIFT_SOURCE_DIR) / "configs")) {
    if (entry.path().extension() != ".yaml" && entry.path().extension() != ".yml") continue;
    CAPTURE(entry.path().string());
    Task task = load_file(entry.path());
    CHECK(resolve(task, "train").empty());
    // Those of kube/ are made for a cluster: their files are not here, and some only serve.
    if (entry.path().parent_path().filename() != "kube") CHECK_NOTHROW(require(task, "train"));
    ++count;
  }
  CHECK(count >= 2);
}

TEST_CASE("the schema refuses unknown keys and describes every key, alias and deploy") {
  const Json schema = json_schema();
  CHECK(schema.at("type") == "object");
  CHECK(schema.at("additionalProperties") == false);
  const Json& properties = schema.at("properties");
  Task task;
  const auto all = fields(task);
  CHECK(properties.size() == all.size() + aliases().size() + 1);
  CHECK(properties.contains("deploy"));
  for (const Field& field : all) {
    CAPTURE(field.key);
    const Json& property = properties.at(std::string(field.key));
    CHECK(property.at("description") == field.help);
    CHECK(property.at("default") == field.value());
    CHECK((property.contains("type") || property.contains("anyOf")));
  }
}

TEST_CASE("help of every command that reads settings stays within 80 columns and names only its own") {
  for (const unsigned reader : {kTrain, kInfer, kExport, kTokenize, kTemplate}) {
    std::istringstream lines(settings_help(reader));
    for (std::string line; std::getline(lines, line);) {
      CAPTURE(line);
      CHECK(line.size() <= 80);
    }
  }
  CHECK(contains(settings_help(kTrain), "--lora_rank 8"));
  CHECK_FALSE(contains(settings_help(kInfer), "--lora_rank"));
  CHECK_FALSE(contains(settings_help(kTrain), "--top_logprobs"));
}

TEST_CASE("no text of the table breaks a Markdown table") {
  std::istringstream lines(reference_page());
  size_t columns = 0;
  for (std::string line; std::getline(lines, line);) {
    const auto bars = static_cast<size_t>(std::count(line.begin(), line.end(), '|'));
    CAPTURE(line);
    CHECK((bars == 0 || columns == 0 || bars == columns));
    columns = bars;
  }
}
