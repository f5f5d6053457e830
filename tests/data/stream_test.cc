// Streams of samples: the order, whatever the number of threads; resuming; and bad rows.
#include <catch2/catch.hpp>
#include <set>

#include "byte_tokenizer.h"
#include "data/packing.h"
#include "data/sample_stream.h"
#include "data/shuffle_buffer.h"

using namespace swift::data;
using swift::base::Error;
using swift::base::Json;
using swift::text::ChatTemplate;

namespace {

constexpr const char* kTemplate =
    "{% for m in messages %}{{ m.content }}{% if m.role == 'assistant' %}<|im_end|>{% endif %}{% endfor %}";

Encoder encoder(int64_t max_length = 0, const std::string& strategy = "delete", bool pretrain = false) {
  const auto tokenizer = byte_tokenizer({"<|im_end|>"});
  EncodeOptions options;
  options.eos_token_ids = {*tokenizer.id_of("<|im_end|>")};
  options.max_length = max_length;
  options.truncation_strategy = strategy;
  options.pretrain = pretrain;
  return {tokenizer, ChatTemplate::from_source(kTemplate, Json::object(), "t.jinja"), options};
}

std::string rows(int count, int first = 0) {
  std::string text;
  for (int i = first; i < first + count; ++i) {
    text += Json({{"query", "q" + std::to_string(i)},
                  {"response", std::string(static_cast<size_t>(1 + i % 9), 'r')}})
                .dump() +
            "\n";
  }
  return text;
}

StreamOptions options_of(const std::vector<std::string>& datasets, const Encoder& encode) {
  StreamOptions options;
  options.datasets = datasets;
  options.shuffle_buffer = 16;
  options.schema.pretrain = encode.options().pretrain;
  options.inspect = {encode.options().pretrain, encode.end_ids(), std::nullopt};
  return options;
}

// The next `count` records as text: epoch:position and the sample's bytes.
std::vector<std::string> taken(SampleStream& stream, const Encoder& encode, int count) {
  std::vector<std::string> texts;
  for (int i = 0; i < count; ++i) {
    const StreamedRecord record = stream.next();
    std::string text = std::to_string(record.epoch) + ":" + std::to_string(record.position);
    for (const Sample& sample : record.samples) text += " " + encode.tokenizer().decode(sample.input_ids);
    texts.push_back(text + (record.end_of_epoch ? " end" : ""));
  }
  return texts;
}

}  // namespace

TEST_CASE("a shuffle buffer gives every item once, and is no longer than its capacity") {
  ShuffleBuffer<int> buffer(10, 42, 0), again(10, 42, 0), other(10, 42, 1);
  std::vector<int> order, order_again, order_other;
  const auto run = [](ShuffleBuffer<int>& b, std::vector<int>& out) {
    for (int i = 0; i < 100; ++i) {
      if (auto item = b.push(i)) {
        CHECK(*item <= i);
        out.push_back(*item);
      } else {
        CHECK(i < 10);
      }
    }
    while (auto item = b.pop()) out.push_back(*item);
  };
  run(buffer, order), run(again, order_again), run(other, order_other);
  CHECK(order == order_again);
  CHECK(order != order_other);
  CHECK(std::set<int>(order.begin(), order.end()).size() == 100);
  CHECK_FALSE(std::is_sorted(order.begin(), order.end()));
}

TEST_CASE("a stream has one order for any number of threads") {
  const Scratch scratch("stream-order");
  const std::vector<std::string> datasets = {scratch.file("a.jsonl", rows(40)),
                                             scratch.file("b.json", "[" + rows(1, 100) + "]"),
                                             scratch.file("c.csv", "query,response\nx,y\nz,\"a,b\"\n") + "#1",
                                             scratch.file("d.jsonl", rows(30, 50)) + "#5"};
  const Encoder encode = encoder();
  std::vector<std::string> expected;
  for (const unsigned workers : {1U, 2U, 7U}) {
    for (const size_t ahead : {size_t{1}, size_t{5}, size_t{64}}) {
      StreamOptions options = options_of(datasets, encode);
      options.workers = workers;
      options.ahead = ahead;
      SampleStream stream(options, encode);
      const auto got = taken(stream, encode, 150);
      if (expected.empty()) expected = got;
      CAPTURE(workers, ahead);
      CHECK(got == expected);
    }
  }
  CHECK(expected[47] == "0:47 end");  // 40 + 1 + 1 + 5
  CHECK(expected[48].starts_with("1:0 "));
  const std::set<std::string> epoch(expected.begin(), expected.begin() + 47);
  CHECK(epoch.size() == 47);
  StreamOptions plain = options_of(datasets, encode);
  plain.shuffle = false;
  SampleStream stream(plain, encode);
  CHECK(taken(stream, encode, 2) == std::vector<std::string>{"0:0 q0r<|im_end|>", "0:1 q1rr<|im_end|>"});
}

TEST_CASE("a stream continues from any record") {
  const Scratch scratch("stream-seek");
  const Encoder encode = encoder();
  const StreamOptions options = options_of({scratch.file("a.jsonl", rows(60))}, encode);
  SampleStream whole(options, encode);
  const auto expected = taken(whole, encode, 180);
  for (const auto& [epoch, position] : {std::pair{0, 0}, std::pair{0, 1}, std::pair{0, 59}, std::pair{0, 60},
                                        std::pair{1, 20}, std::pair{2, 3}}) {
    CAPTURE(epoch, position);
    SampleStream stream(options, encode);
    taken(stream, encode, 3);
    stream.seek(epoch, position);
    const auto from = expected.begin() + epoch * 61 + position;
    CHECK(taken(stream, encode, 30) == std::vector<std::string>(from, from + 30));
  }
  SampleStream stream(options, encode);
  stream.seek(0, 61);
  CHECK_THROWS_WITH(stream.next(), Catch::Contains("at record 61 of an epoch, the dataset has 60 records"));
}

TEST_CASE("a stream drops rows that cannot be used, or stops at them when strict") {
  const Scratch scratch("stream-bad");
  const Encoder encode = encoder(12);
  const std::string text = rows(3) + "{\"foo\": 1}\n{\"query\": \"ask\"}\n" +
                           Json({{"query", std::string(40, 'x')}, {"response", "y"}}).dump() + "\n" +
                           rows(2, 7);
  StreamOptions options = options_of({scratch.file("a.jsonl", text)}, encode);
  options.shuffle = false;
  SampleStream stream(options, encode);
  const auto got = taken(stream, encode, 9);
  CHECK(got[3] == "0:3");
  CHECK(got[4] == "0:4");  // would train nothing
  CHECK(got[5] == "0:5");  // too long
  CHECK(got[6] == "0:6 q7rrrrrrrr<|im_end|>");
  options.strict = true;
  SampleStream strict(options, encode);
  taken(strict, encode, 3);
  CHECK_THROWS_WITH(strict.next(), Catch::Contains("a.jsonl:4") && Catch::Contains("unknown dataset schema"));
  CHECK_THROWS_AS(strict.next(), Error);
}

TEST_CASE("a stream tells of malformed files, empty ones and ones that train nothing") {
  const Scratch scratch("stream-fault");
  const Encoder encode = encoder(6);
  const auto fault = [&](const std::string& path, int before = 0) {
    StreamOptions options = options_of({path}, encode);
    options.shuffle = false;
    try {
      SampleStream stream(options, encode);
      taken(stream, encode, before + 1);
      return std::string("none");
    } catch (const Error& error) {
      CHECK(error.code() == swift::base::ExitCode::data);
      return std::string(error.what());
    }
  };
  CHECK_THAT(fault(scratch.file("a.jsonl", rows(2) + "{\"query\": \"x\n"), 2), Catch::Contains("a.jsonl:3"));
  CHECK_THAT(fault(scratch.file("b.jsonl", rows(1) + "{\"query\": \"\xFF\"}\n"), 1),
             Catch::Contains("b.jsonl:2:"));
  CHECK_THAT(fault(scratch.file("c.jsonl", "\n\n")), Catch::Contains("the dataset is empty"));
  CHECK_THAT(fault(scratch.file("d.jsonl", Json({{"query", "long text"}, {"response", "y"}}).dump()), 1),
             Catch::Contains("every row is above max_length 6"));
  CHECK_THAT(fault(scratch.file("e.txt", "text")), Catch::Contains("cannot be streamed"));
  CHECK_THAT(fault((scratch.root / "missing.jsonl").string()), Catch::Contains("no such file"));
  std::string untrained;
  for (int i = 0; i < 150; ++i) untrained += "{\"query\": \"q\"}\n";
  CHECK_THAT(fault(scratch.file("f.jsonl", untrained), 120),
             Catch::Contains("f.jsonl:1") && Catch::Contains("would train nothing"));
}

TEST_CASE("long texts of a stream are split, one record giving several samples") {
  const Scratch scratch("stream-split");
  const Encoder encode = encoder(4, "split", true);
  StreamOptions options = options_of({scratch.file("a.jsonl", "{\"text\": \"abcdefghij\"}\n")}, encode);
  SampleStream stream(options, encode);
  CHECK(taken(stream, encode, 2) == std::vector<std::string>{"0:0 abcd efgh ij<|im_end|>", "0:1 end"});
}

TEST_CASE("a line of more than 64 MiB is told by its place and not held") {
  const Scratch scratch("stream-long");
  const std::string path = scratch.file("a.jsonl", rows(1));
  {
    std::ofstream out(path, std::ios::app | std::ios::binary);
    const std::string block(size_t{1} << 20, 'x');
    out << "{\"query\": \"";
    for (int i = 0; i < 70; ++i) out << block;
    out << "\"}\n";
  }
  CHECK_THROWS_WITH(read_jsonl(path, [](Record&&) {}),
                    Catch::Contains("a.jsonl:2") && Catch::Contains("longer than 64 MiB"));
}
