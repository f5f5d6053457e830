// The cache of encoded samples: what it keeps, when it is used, and what a damaged one does.
#include "data/token_cache.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <set>
#include <thread>

#include "base/file.h"
#include "byte_tokenizer.h"
#include "data/content_key.h"
#include "data/dataset.h"

using namespace swift::data;
using swift::base::Json;
using swift::text::ChatTemplate;
namespace fs = std::filesystem;

namespace {

bool same(const Sample& a, const Sample& b) {
  return a.input_ids == b.input_ids && a.labels == b.labels && a.weights == b.weights &&
         a.channel == b.channel && a.truncated == b.truncated && a.where.str() == b.where.str();
}

EncodedDataset some_dataset() {
  EncodedDataset dataset;
  for (int i = 0; i < 20; ++i) {
    Sample sample;
    for (int k = 0; k <= i; ++k) {
      sample.input_ids.push_back(1000 * i + k);
      sample.labels.push_back(k % 3 == 0 ? kIgnore : 1000 * i + k);
      if (i % 4 == 1) sample.weights.push_back(0.5F * static_cast<float>(k));
    }
    sample.channel = i % 2 == 0 ? "" : "math é";
    sample.truncated = i % 5 == 0;
    sample.where = {i < 10 ? "a.jsonl" : "b.jsonl", i + 1, i};
    dataset.train.push_back(sample);
  }
  dataset.validation = {dataset.train[3]};
  dataset.train_dropped = 7;
  return dataset;
}

const std::string kKey(32, 'a');

size_t cache_files(const fs::path& folder) {
  return static_cast<size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

}  // namespace

TEST_CASE("a cache file gives back what it was given") {
  const Scratch scratch("cache-roundtrip");
  const EncodedDataset dataset = some_dataset();
  const fs::path file = token_cache_file(scratch.root, kKey);
  CHECK_FALSE(read_token_cache(file, kKey));
  write_token_cache(file, kKey, dataset);
  const auto found = read_token_cache(file, kKey);
  REQUIRE(found);
  CHECK(found->train_dropped == 7);
  REQUIRE(found->train.size() == dataset.train.size());
  for (size_t i = 0; i < dataset.train.size(); ++i) CHECK(same(found->train[i], dataset.train[i]));
  REQUIRE(found->validation.size() == 1);
  CHECK(same(found->validation[0], dataset.validation[0]));
  CHECK_FALSE(read_token_cache(file, std::string(32, 'b')));
}

TEST_CASE("a cache file that is cut off or changed in any place counts as absent") {
  const Scratch scratch("cache-damage");
  const fs::path file = token_cache_file(scratch.root, kKey);
  EncodedDataset dataset = some_dataset();
  dataset.train.resize(3);
  write_token_cache(file, kKey, dataset);
  const std::string bytes = swift::base::read_file(file);
  for (size_t size = 0; size < bytes.size(); size += 7) {
    scratch.file(file.filename().string(), bytes.substr(0, size));
    CHECK_FALSE(read_token_cache(file, kKey));
  }
  for (size_t at = 0; at < bytes.size(); at += 5) {
    std::string changed = bytes;
    changed[at] = static_cast<char>(changed[at] ^ 0x10);
    scratch.file(file.filename().string(), changed);
    CHECK_FALSE(read_token_cache(file, kKey));
  }
  // A body whose hash is right and whose counts are not.
  std::string body(24, '\xFF');
  ContentHash hash;
  hash.update(body);
  const uint64_t size = body.size();
  scratch.file(file.filename().string(),
               "SWIFTTC1" + kKey + std::string(reinterpret_cast<const char*>(&size), 8) + hash.hex() + body);
  CHECK_FALSE(read_token_cache(file, kKey));
}

TEST_CASE("several writers of one cache file leave a whole one") {
  const Scratch scratch("cache-race");
  const fs::path file = token_cache_file(scratch.root, kKey);
  const EncodedDataset dataset = some_dataset();
  write_token_cache(file, kKey, dataset);
  std::vector<std::jthread> threads;
  std::atomic<int> missing{0};
  threads.emplace_back([&] {
    for (int i = 0; i < 50; ++i) write_token_cache(file, kKey, dataset);
  });
  threads.emplace_back([&] {
    for (int i = 0; i < 200; ++i) missing += read_token_cache(file, kKey) ? 0 : 1;
  });
  threads.clear();
  CHECK(missing == 0);
  CHECK(cache_files(scratch.root) == 1);
}

TEST_CASE("the cache is used while contents and settings are the same") {
  const Scratch scratch("cache-dataset");
  const auto tokenizer = byte_tokenizer({"<|im_end|>"});
  EncodeOptions encode;
  encode.eos_token_ids = {*tokenizer.id_of("<|im_end|>")};
  const auto chat_template = ChatTemplate::from_source(
      "{% for m in messages %}{{ m.content }}{% if m.role == 'assistant' %}<|im_end|>{% endif %}{% endfor %}",
      Json::object(), "t.jinja");
  const fs::path cache = scratch.root / "cache";
  DatasetOptions options;
  std::string text;
  for (int i = 0; i < 20; ++i) text += "{\"query\": \"q" + std::to_string(i) + "\", \"response\": \"r\"}\n";
  options.train = {scratch.file("a.jsonl", text)};
  options.split_ratio = 0.2;
  options.cache = cache;
  const auto load = [&] {
    options.encoding_key = encoding_key(scratch.root, std::nullopt, encode);
    return load_dataset(options, Encoder(tokenizer, chat_template, encode));
  };
  const Dataset first = load();
  CHECK(cache_files(cache) == 1);
  const Dataset second = load();
  CHECK(cache_files(cache) == 1);
  REQUIRE(second.train.size() == first.train.size());
  for (size_t i = 0; i < first.train.size(); ++i) CHECK(same(first.train[i], second.train[i]));
  CHECK(second.validation.size() == first.validation.size());
  CHECK(second.train_report.summary() == first.train_report.summary());
  // Each of these is another key.
  size_t files = 1;
  const auto adds_a_file = [&] {
    load();
    return cache_files(cache) == ++files;
  };
  options.load.seed = 7;
  CHECK(adds_a_file());
  encode.loss_scale = "last_round";
  CHECK(adds_a_file());
  encode.max_length = 9;
  CHECK(adds_a_file());
  scratch.file("tokenizer.json", "{}");
  CHECK(adds_a_file());
  text[12] = 'Q';
  scratch.file("a.jsonl", text);
  CHECK(adds_a_file());
  options.train[0] += "#10";
  CHECK(adds_a_file());
  load();
  CHECK(cache_files(cache) == files);
  // A directory that cannot be made is no reason to stop.
  options.cache = fs::path(scratch.file("no-directory", "x")) / "cache";
  CHECK(load().train.size() == 8);
}

TEST_CASE("a content hash sees every byte and every cut") {
  std::set<std::string> seen;
  const std::string base(200, 'x');
  for (size_t i = 0; i < base.size(); ++i) {
    std::string changed = base;
    changed[i] = 'y';
    ContentHash hash;
    hash.update(changed);
    seen.insert(hash.hex());
    ContentHash cut;
    cut.update(base.substr(0, i));
    cut.update(base.substr(i));
    seen.insert(cut.hex());
  }
  CHECK(seen.size() == 400);
}
