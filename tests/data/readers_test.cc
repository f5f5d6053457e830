#include "data/readers.h"

#include <catch2/catch.hpp>

#include "base/rng.h"
#include "data/literal.h"
#include "data/utf8.h"
#include "scratch.h"

using namespace swift::data;
using swift::base::Error;
using swift::base::ExitCode;
using swift::base::Json;

namespace {

std::vector<Record> read(const std::string& path) {
  std::vector<Record> records;
  read_records(path, [&](Record&& record) { records.push_back(std::move(record)); });
  return records;
}

// The error of reading, as "file name:line: message".
std::string error_of(const std::string& path) {
  try {
    read(path);
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::data);
    return std::filesystem::path(error.where().file).filename().string() + ":" +
           std::to_string(error.where().line) + ": " + error.message();
  }
  return "no error";
}

}  // namespace

TEST_CASE("JSONL records keep their line, blank lines and a BOM are skipped") {
  const Scratch scratch("jsonl");
  const auto records =
      read(scratch.file("a.jsonl", "\xEF\xBB\xBF{\"a\": 1}\n\n  \r\n{\"a\": 2}\r\n{\"a\": 3}"));
  REQUIRE(records.size() == 3);
  CHECK(records[0].value["a"] == 1);
  CHECK(records[1].where.line == 4);
  CHECK(records[2].value["a"] == 3);
}

TEST_CASE("malformed JSONL is an error with file and line") {
  const Scratch scratch("badjsonl");
  CHECK_THAT(error_of(scratch.file("a.jsonl", "{\"a\": 1}\n{\"a\": }\n")),
             Catch::StartsWith("a.jsonl:2: malformed JSON"));
  CHECK_THAT(error_of(scratch.file("b.jsonl", "{}\n[1]\n")),
             Catch::StartsWith("b.jsonl:2: the record is no JSON object"));
  CHECK_THAT(error_of(scratch.file("c.jsonl", "{\"a\": \"\xFF\"}\n")),
             Catch::StartsWith("c.jsonl:1: malformed JSON"));
  CHECK_THAT(error_of(scratch.file("d.jsonl", std::string(200000, '['))),
             Catch::StartsWith("d.jsonl:1: malformed JSON"));
}

TEST_CASE("JSON files hold an array, a data array, or objects one after another") {
  const Scratch scratch("json");
  for (const std::string text :
       {"[{\"a\": 1},\n {\"a\": [2, {\"b\": \"]}\\\"\"}]}]",
        "{\"version\": [1, \"data\"], \"data\":\n[{\"a\": 1}\n, {\"a\": 2}], \"n\": 2}",
        "{\"a\": 1}\n{\"a\": 2}\n", "{\"a\": 1, \"b\": {\"data\": []}}{\"a\": 2}"}) {
    const auto records = read(scratch.file("a.json", text));
    INFO(text);
    REQUIRE(records.size() == 2);
    CHECK(records[0].value["a"] == 1);
  }
  const auto records = read(scratch.file("b.json", "[\n{\"a\": 1},\n\n{\"a\": 2}\n]\n"));
  CHECK(records[0].where.line == 2);
  CHECK(records[1].where.line == 4);
  CHECK(read(scratch.file("c.json", "[ ]")).empty());
  CHECK(read(scratch.file("d.json", "")).empty());
}

TEST_CASE("malformed JSON files are errors with file and line") {
  const Scratch scratch("badjson");
  CHECK_THAT(error_of(scratch.file("a.json", "[{\"a\": 1},\n{\"a\" 2}]")),
             Catch::StartsWith("a.json:2: malformed JSON"));
  CHECK_THAT(error_of(scratch.file("b.json", "[{\"a\": 1}\n")),
             Catch::StartsWith("b.json:2: malformed JSON: the array is not closed"));
  CHECK_THAT(error_of(scratch.file("c.json", "[{\"a\": 1}]]")), Catch::Contains("unexpected text"));
  CHECK_THAT(error_of(scratch.file("d.json", "[1]")), Catch::Contains("no JSON object"));
  CHECK_THAT(error_of(scratch.file("e.json", "[,]")), Catch::Contains("a value is missing"));
  CHECK_THAT(error_of(scratch.file("f.json", "[{\"a\": 1} {\"a\": 2}]")), Catch::Contains("',' or ']'"));
  CHECK_THAT(error_of(scratch.file("g.json", "{\"data\": [{}], \"b\": ")), Catch::Contains("malformed JSON"));
  CHECK_THAT(error_of(scratch.file("h.json", "hello")), Catch::Contains("an object or an array"));
  for (const char* text :
       {"[", "{", "[{", "[\"", "{\"data\"", "{\"data\":", "{\"data\":[", "[{\"a\\", "]", "}", ":", "{]"}) {
    INFO(text);
    CHECK(error_of(scratch.file("i.json", text)) != "no error");
  }
}

TEST_CASE("CSV takes quotes, newlines in quotes, CRLF and a BOM") {
  const Scratch scratch("csv");
  const auto records = read(scratch.file(
      "a.csv", "\xEF\xBB\xBFquery,response\r\n\"a, \"\"b\"\"\",\"two\nlines\"\r\n\r\nplain,\n\"\",x\"y\n"));
  REQUIRE(records.size() == 3);
  CHECK(records[0].value == Json({{"query", "a, \"b\""}, {"response", "two\nlines"}}));
  CHECK(records[1].value == Json({{"query", "plain"}, {"response", ""}}));
  CHECK(records[1].where.line == 5);
  CHECK(records[2].value == Json({{"query", ""}, {"response", "x\"y"}}));
}

TEST_CASE("malformed CSV is an error with file and line") {
  const Scratch scratch("badcsv");
  CHECK(error_of(scratch.file("a.csv", "a,b\n1,2\n\"x\ny\",2,3\n")) ==
        "a.csv:3: the row has 3 fields, the header has 2");
  CHECK(error_of(scratch.file("b.csv", "a,b\n1,\"2\n3\n")) == "b.csv:2: a quoted field is not closed");
  CHECK(error_of(scratch.file("c.csv", "a,b\n\"1\"2,3\n")) == "c.csv:2: text after a closing quote");
  CHECK(error_of(scratch.file("d.csv", "a,a\n1,2\n")) == "d.csv:1: the column 'a' appears twice");
  CHECK(error_of(scratch.file("e.csv", "a,b\n1,\xC3\x28\n")) == "e.csv:2: the row is not UTF-8");
}

TEST_CASE("a text file is one record, a directory its dataset files by name") {
  const Scratch scratch("folder");
  CHECK(read(scratch.file("b.txt", "one\n\ntwo\n"))[0].value["text"] == "one\n\ntwo\n");
  scratch.file("a.jsonl", "{\"text\": \"first\"}\n");
  scratch.file(".hidden.jsonl", "nonsense");
  scratch.file("README.md", "nonsense");
  const auto records = read(scratch.root.string());
  REQUIRE(records.size() == 2);
  CHECK(records[0].value["text"] == "first");
  CHECK(error_of(scratch.file("c.txt", "fine\nb\xC0\xAF")) == "c.txt:2: the text is not UTF-8");
}

TEST_CASE("missing files, unknown endings and empty folders are named") {
  const Scratch scratch("missing");
  scratch.file("train.jsonl", "{}");
  try {
    read((scratch.root / "trian.jsonl").string());
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::data);
    CHECK_THAT(error.hint(), Catch::Contains("train.jsonl"));
  }
  CHECK_THAT(error_of(scratch.file("a.parquet", "PAR1")),
             Catch::Contains("unknown kind of dataset file '.parquet'"));
  std::filesystem::create_directory(scratch.root / "empty");
  CHECK_THAT(error_of((scratch.root / "empty").string()), Catch::Contains("holds no dataset file"));
}

TEST_CASE("invalid UTF-8 is found at its first byte") {
  CHECK(invalid_utf8("a\u00e9\u20ac\U0001F600") == std::string_view::npos);
  CHECK(invalid_utf8("ab\xED\xA0\x80") == 2);    // a surrogate
  CHECK(invalid_utf8("\xF4\x90\x80\x80") == 0);  // above U+10FFFF
  CHECK(invalid_utf8("a\xE2\x82") == 1);         // cut off
}

TEST_CASE("lists written as text are read as JSON or as Python writes them") {
  CHECK(parse_list_text("[[\"a\", \"b\"]]") == Json::parse("[[\"a\",\"b\"]]"));
  CHECK(parse_list_text("[['it\\'s', \"b\\n\"], ('c', None),]") ==
        Json::parse("[[\"it's\",\"b\\n\"],[\"c\",null]]"));
  CHECK_FALSE(parse_list_text("['a"));
  CHECK_FALSE(parse_list_text("{'a': 1}"));
  CHECK_FALSE(parse_list_text(std::string(100000, '(')));
}

TEST_CASE("damaged files give records or an error, never a crash") {
  const Scratch scratch("damaged");
  const swift::base::Stream stream(1, swift::base::Purpose::sampling);
  uint64_t draw = 0;
  for (const auto& [name, text] :
       {std::pair<std::string, std::string>{"a.jsonl", "{\"a\": [1, \"x\\n\"]}\n{\"b\": null}\n"},
        {"a.json", "{\"n\": {\"data\": []}, \"data\": [{\"a\": \"]\\\"\"}, {}], \"m\": 2}"},
        {"b.json", "[{\"a\": [1, {\"b\": \"}\"}]}, {\"c\": true}]"},
        {"a.csv", "a,b\n\"1\"\"\n\",2\r\n3,\xC3\xA9\n"}}) {
    for (int round = 0; round < 300; ++round) {
      std::string damaged = text.substr(0, stream.bits(draw++) % (text.size() + 1));
      for (uint64_t k = stream.bits(draw++) % 4; k > 0 && !damaged.empty(); --k) {
        const uint64_t at = stream.bits(draw++) % damaged.size();
        damaged[at] = "{}[]\",:\\\n\r a\xFF"[stream.bits(draw++) % 13];
      }
      CHECK_FALSE(error_of(scratch.file(name, damaged)).empty());
    }
  }
}
