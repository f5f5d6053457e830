#include "data/load.h"

#include <catch2/catch.hpp>
#include <set>

#include "data/dataset_spec.h"
#include "scratch.h"

using namespace swift::data;
using swift::base::Error;
using swift::base::ExitCode;
using swift::base::Purpose;
using swift::base::Stream;

namespace {

std::string ten_rows() {
  std::string text;
  for (int i = 0; i < 10; ++i) text += "{\"query\": \"" + std::to_string(i) + "\", \"response\": \"r\"}\n";
  return text;
}

std::string queries(const std::vector<Row>& rows) {
  std::string all;
  for (const Row& row : rows) all += row.messages[0]["content"].get<std::string>();
  return all;
}

}  // namespace

TEST_CASE("a number of rows draws them by the seed, tiles, or takes the first") {
  const Scratch scratch("rows");
  const std::string path = scratch.file("a.jsonl", ten_rows());
  LoadOptions options;
  CHECK(queries(load_rows({path}, options)) == "0123456789");
  const std::string four = queries(load_rows({path + "#4"}, options));
  CHECK(std::set<char>(four.begin(), four.end()).size() == 4);
  CHECK(four == queries(load_rows({path + "#4"}, options)));
  const std::string many = queries(load_rows({path + "#24"}, options));
  CHECK(many.size() == 24);
  CHECK(many.substr(0, 20) == "01234567890123456789");
  options.shuffle = false;
  CHECK(queries(load_rows({path + "#3", path + "#12"}, options)) ==
        "012"
        "012345678901");
  options.shuffle = true;
  options.seed = 43;
  CHECK(queries(load_rows({path + "#10"}, options)) == "0123456789");
  CHECK(queries(load_rows({path + "#5"}, options)) != queries(load_rows({path + "#5"}, LoadOptions{})));
}

TEST_CASE("a dataset name is a path with an optional number of rows") {
  CHECK(parse_dataset_spec("a.jsonl").path == "a.jsonl");
  CHECK(parse_dataset_spec("a#b.jsonl#12").path == "a#b.jsonl");
  CHECK(parse_dataset_spec("a.jsonl#12").rows == 12U);
  for (const char* text :
       {"a.jsonl#", "a.jsonl#x", "a.jsonl#-1", "a.jsonl#0", "a.jsonl#99999999999", "hf::a/b"}) {
    INFO(text);
    CHECK_THROWS_AS(parse_dataset_spec(text), Error);
  }
  const Scratch scratch("hash");
  const std::string path = scratch.file("a#5", "");
  CHECK_FALSE(parse_dataset_spec(path).rows);
}

TEST_CASE("bad rows are dropped unless strict, and all of them bad is an error") {
  const Scratch scratch("strict");
  const std::string path = scratch.file("a.jsonl", ten_rows() + "{\"foo\": 1}\n");
  LoadOptions options;
  CHECK(load_rows({path}, options).size() == 10);
  options.strict = true;
  try {
    load_rows({path}, options);
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.where().line == 11);
    CHECK_THAT(error.hint(), Catch::Contains("messages"));
  }
  options.strict = false;
  CHECK_THROWS_WITH(load_rows({scratch.file("b.jsonl", "{\"foo\": 1}\n")}, options),
                    Catch::Contains("columns foo"));
  CHECK_THROWS_WITH(load_rows({scratch.file("c.jsonl", "\n")}, options),
                    Catch::Contains("the dataset is empty"));
}

TEST_CASE("the split holds out max(1, n * ratio) rows, keeps the order and loses none") {
  const Scratch scratch("split");
  const std::string path = scratch.file("a.jsonl", ten_rows());
  const auto rows = load_rows({path}, {});
  for (const auto& [ratio, held] : {std::pair{0.01, 1}, {0.3, 3}, {0.55, 5}}) {
    const auto [train, validation] = split(rows, ratio, 42);
    CHECK(static_cast<int>(validation.size()) == held);
    CHECK(train.size() + validation.size() == 10);
    std::string all = queries(train) + queries(validation);
    const std::string left = queries(train);
    CHECK(std::is_sorted(left.begin(), left.end()));
    std::sort(all.begin(), all.end());
    CHECK(all == "0123456789");
    CHECK(queries(split(rows, ratio, 42).second) == queries(validation));
  }
  CHECK(split(rows, 0, 42).second.empty());
  CHECK_THROWS_AS(split({rows[0]}, 0.1, 42), Error);
}
