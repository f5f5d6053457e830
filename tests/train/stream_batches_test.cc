// Steps over a stream: the same for any number of threads, resumed exactly from every step, packed within the
// limit.
#include "train/stream_batches.h"

#include <catch2/catch.hpp>
#include <set>

#include "../data/byte_tokenizer.h"
#include "data/dataset.h"

using namespace swift;
using train::StepBatch;
using train::StreamBatches;

namespace {

constexpr const char* kTemplate =
    "{% for m in messages %}{{ m.content }}{% if m.role == 'assistant' %}<|im_end|>{% endif %}{% endfor %}";

data::Encoder encoder(bool pretrain) {
  const auto tokenizer = byte_tokenizer({"<|im_end|>"});
  data::EncodeOptions options;
  options.eos_token_ids = {*tokenizer.id_of("<|im_end|>")};
  options.pretrain = pretrain;
  options.max_length = 40;
  options.truncation_strategy = pretrain ? "split" : "delete";
  return {tokenizer, text::ChatTemplate::from_source(kTemplate, base::Json::object(), "t.jinja"), options};
}

// Rows of many lengths; with pretrain some give several samples, else some are too long and dropped.
std::string rows(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    const std::string body = std::to_string(i) + std::string(static_cast<size_t>(1 + i * 7 % 45), 'r');
    text += base::Json({{"query", "q"}, {"response", body}}).dump() + "\n";
  }
  return text;
}

std::string texts(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    const std::string body = std::to_string(i) + std::string(static_cast<size_t>(1 + i * 13 % 120), 'r');
    text += base::Json({{"text", body}}).dump() + "\n";
  }
  return text;
}

struct Source {
  Scratch scratch;
  data::Encoder encode;
  std::string path;
  train::BatchSettings settings;

  Source(const std::string& name, bool pretrain, bool packing)
      : scratch(name),
        encode(encoder(pretrain)),
        path(scratch.file("a.jsonl", pretrain ? texts(170) : rows(300))) {
    settings.batch_size = 2;
    settings.accumulation = 3;
    settings.packing = packing;
    settings.packing_length = 64;
  }

  StreamBatches open(unsigned workers = 2) const {
    data::StreamOptions options;
    options.datasets = {path};
    options.shuffle_buffer = 50;
    options.workers = workers;
    options.ahead = 8 * workers;
    options.schema.pretrain = encode.options().pretrain;
    options.inspect = data::inspect_options(encode, std::nullopt);
    return {options, encode, settings, {{"dataset contents", "x"}}};
  }
};

std::vector<std::vector<int32_t>> ids_of(const StepBatch& step) {
  std::vector<std::vector<int32_t>> ids;
  for (const data::Pack& pack : step.micro_batches) {
    ids.push_back(pack.input_ids);
    ids.push_back(pack.cu_seqlens);
  }
  return ids;
}

}  // namespace

TEST_CASE("steps of a stream are the same for any number of threads, and resume exactly from each") {
  for (const auto& [pretrain, packing] :
       {std::pair{false, false}, std::pair{false, true}, std::pair{true, false}, std::pair{true, true}}) {
    CAPTURE(pretrain, packing);
    const Source source("stream-steps", pretrain, packing);
    std::vector<std::vector<std::vector<int32_t>>> steps;
    std::vector<data::Cursor> cursors;
    StreamBatches whole = source.open(1);
    while (whole.epochs_done() < 2) {
      cursors.push_back(whole.cursor());
      steps.push_back(ids_of(whole.next()));
    }
    REQUIRE(steps.size() > 20);
    StreamBatches other = source.open(7);
    for (const auto& step : steps) CHECK(ids_of(other.next()) == step);
    for (size_t at = 0; at < steps.size(); at += packing ? 1 : 5) {
      CAPTURE(at);
      StreamBatches resumed = source.open(2);
      if (at % 2 == 0) resumed.next();
      resumed.seek(cursors[at]);
      for (size_t i = at; i < std::min(at + 3, steps.size()); ++i) CHECK(ids_of(resumed.next()) == steps[i]);
      if (at + 3 < steps.size()) CHECK(resumed.cursor() == cursors[at + 3]);
    }
  }
}

TEST_CASE("an epoch of a stream gives each sample once, packed or not") {
  std::multiset<std::vector<int32_t>> plain, packed;
  for (const bool packing : {false, true}) {
    const Source source("stream-once", false, packing);
    StreamBatches batches = source.open();
    auto& seen = packing ? packed : plain;
    int64_t tokens = 0, rows_used = 0;
    for (;;) {
      const data::Cursor before = batches.cursor();
      const StepBatch step = batches.next();
      if (before.epoch > 0 || (before.epoch == 0 && batches.cursor().epoch > 1)) break;
      for (const data::Pack& pack : step.micro_batches) {
        CHECK(static_cast<int64_t>(pack.input_ids.size()) <= (packing ? 128 : 80));  // two sequences
        tokens += static_cast<int64_t>(pack.input_ids.size());
        ++rows_used;
        for (size_t s = 0; s + 1 < pack.cu_seqlens.size(); ++s)
          seen.insert(
              {pack.input_ids.begin() + pack.cu_seqlens[s], pack.input_ids.begin() + pack.cu_seqlens[s + 1]});
      }
      if (batches.cursor().epoch > 0) break;
    }
    if (packing) CHECK(tokens > 100 * rows_used);  // nearly full
  }
  CHECK(plain == packed);
  CHECK(plain.size() > 200);
}

TEST_CASE("a cursor that the stream does not have is refused") {
  const Source source("stream-cursor", false, true);
  StreamBatches batches = source.open();
  CHECK_THROWS_AS(batches.seek({0, 0, 0, 5000}), base::Error);
  CHECK_THROWS_AS(batches.seek({-1, 0, 0, 0}), base::Error);
  batches.seek({0, 100000, 0, 0});
  CHECK_THROWS_WITH(batches.next(), Catch::Contains("the dataset has 300 records"));
}
