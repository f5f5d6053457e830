#include "data/inspect.h"

#include <catch2/catch.hpp>

#include "byte_tokenizer.h"
#include "data/dataset.h"

using namespace swift::data;
using swift::base::Error;
using swift::base::ExitCode;
using swift::text::ChatTemplate;
using swift::text::Tokenizer;

namespace {

constexpr int32_t kBos = 256, kEnd = 257;

Tokenizer tokenizer() {
  return byte_tokenizer({"<s>", "<|im_end|>"});
}

Sample sample(std::vector<int32_t> ids, std::vector<int32_t> labels) {
  Sample made;
  made.input_ids = std::move(ids);
  made.labels = std::move(labels);
  made.where = {"d.jsonl", 9};
  return made;
}

std::string refusal(const Sample& one, bool pretrain = false) {
  try {
    inspect(std::vector<Sample>{one}, tokenizer(), {pretrain, {kEnd}, kBos});
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::data);
    CHECK(error.where().str() == "d.jsonl:9");
    CHECK_FALSE(error.hint().empty());
    return error.message();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("the report counts samples and tokens") {
  const std::vector<Sample> samples = {sample({65, 66, kEnd}, {kIgnore, 66, kEnd}),
                                       sample({65, 66, 67, 68, kEnd}, {kIgnore, kIgnore, kIgnore, 68, kEnd})};
  const Report report = inspect(samples, tokenizer(), {false, {kEnd}, kBos});
  CHECK(report.samples == 2);
  CHECK(report.tokens == 8);
  CHECK(report.trained_tokens == 4);
  CHECK(report.trained_share() == 0.5);
  CHECK(report.mean == 4);
  CHECK(report.std == 1);
  CHECK(report.min == 3);
  CHECK(report.max == 5);
  CHECK(report.summary() == "2 samples, 8 tokens, 50.0% trained; per sample mean 4.0, std 1.0, min 3, max 5");
}

TEST_CASE("samples that teach nothing, begin with two BOS or never teach to stop are refused") {
  CHECK(refusal(sample({kBos, 65, kEnd}, {kIgnore, 65, kEnd})) == "accepted");
  CHECK_THAT(refusal(sample({65, kEnd}, {kIgnore, kIgnore})), Catch::Contains("would train nothing"));
  CHECK_THAT(refusal(sample({65}, {65})), Catch::Contains("would train nothing"));  // lost in the shift
  CHECK(refusal(sample({kBos, kBos, 65, kEnd}, {kIgnore, kIgnore, 65, kEnd})) ==
        "the sample begins with two <s>");
  CHECK_THAT(refusal(sample({65, 66, kEnd}, {kIgnore, 66, kIgnore})),
             Catch::Contains("never trains an end of turn"));
  CHECK(refusal(sample({65, 66}, {65, 66}), true) == "accepted");
  Sample cut = sample({65, 66}, {kIgnore, 66});
  cut.truncated = true;
  CHECK(inspect(std::vector<Sample>{cut}, tokenizer(), {false, {kEnd}, kBos}).open_ended == 1);
  CHECK_THROWS_WITH(inspect({}, tokenizer(), {}), Catch::Contains("no samples"));
}

TEST_CASE("the dump shows the mask in colour or in brackets and keeps the terminal safe") {
  const Sample one =
      sample({'a', '\x1b', 0xC2, 0x9B, 'b', kEnd}, {kIgnore, kIgnore, kIgnore, kIgnore, 'b', kEnd});
  CHECK(coloured_dump(one, tokenizer(), false) ==
        "a\\x1b\\x9b[[b<|im_end|>]]\nd.jsonl:9: 6 tokens, 2 trained");
  CHECK(coloured_dump(one, tokenizer(), true) ==
        "\x1b[90ma\\x1b\\x9b\x1b[0m\x1b[32mb<|im_end|>\x1b[0m\nd.jsonl:9: 6 tokens, 2 trained");
  CHECK(coloured_dump(one, tokenizer(), false, 1) == "a… 5 more tokens\nd.jsonl:9: 6 tokens, 2 trained");
}

TEST_CASE("a dataset goes from names to samples, the same on any number of threads") {
  const Scratch scratch("dataset");
  std::string text;
  for (int i = 0; i < 40; ++i) {
    text += "{\"query\": \"q\", \"response\": \"" + std::string(static_cast<size_t>(1 + i), 'r') + "\"}\n";
  }
  DatasetOptions options;
  options.train = {scratch.file("a.jsonl", text)};
  options.split_ratio = 0.1;
  EncodeOptions encode;
  encode.eos_token_ids = {kEnd};
  encode.max_length = 36;
  const ChatTemplate chat_template = ChatTemplate::from_source(
      "{% for m in messages %}{{ m.content }}{% if m.role == 'assistant' %}<|im_end|>{% endif "
      "%}{% endfor %}",
      {}, "t.jinja");
  const Encoder encoder(tokenizer(), chat_template, encode);
  const Dataset one = load_dataset(options, encoder);
  options.workers = 4;
  const Dataset four = load_dataset(options, encoder);
  CHECK(one.train.size() + one.validation.size() == 34);  // q, 1 to 34 times r, and the end fit
  CHECK(one.train_report.dropped + one.validation_report.dropped == 6);
  REQUIRE(four.train.size() == one.train.size());
  for (size_t i = 0; i < one.train.size(); ++i) CHECK(one.train[i].input_ids == four.train[i].input_ids);
  encode.max_length = 2;
  CHECK_THROWS_WITH(load_dataset(options, Encoder(tokenizer(), chat_template, encode)),
                    Catch::Contains("every row is above max_length 2"));
  options.train = {scratch.file("b.jsonl", "{\"query\": \"q\"}\n")};
  options.split_ratio = 0;
  CHECK_THROWS_WITH(load_dataset(options, encoder), Catch::Contains("would train nothing"));
}

TEST_CASE("with everything trained, text may follow the end of the last turn") {
  Sample sample{{5, kEnd, 6}, {5, kEnd, 6}, {}};
  CHECK_NOTHROW(inspect(std::vector<Sample>{sample}, tokenizer(), {false, {kEnd}, kBos, true}));
  CHECK_THROWS(inspect(std::vector<Sample>{sample}, tokenizer(), {false, {kEnd}, kBos, false}));
}
