// A tokenizer.json of the 256 bytes, without merges, and the added tokens a test asks for (ids from 256 on).
#pragma once
#include <string>
#include <vector>

#include "base/json.h"
#include "scratch.h"
#include "text/tokenizer.h"

inline swift::text::Tokenizer byte_tokenizer(const std::vector<std::string>& added) {
  using swift::base::Json;
  const auto utf8 = [](unsigned code) {
    if (code < 0x80) return std::string(1, static_cast<char>(code));
    return std::string{static_cast<char>(0xC0 | code >> 6), static_cast<char>(0x80 | (code & 0x3F))};
  };
  Json vocab = Json::object();
  unsigned moved = 256;  // GPT-2's alphabet: bytes that do not print are written as U+0100 and following
  for (unsigned byte = 0; byte < 256; ++byte) {
    const bool prints = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    vocab[utf8(prints ? byte : moved++)] = byte;
  }
  Json tokens = Json::array();
  for (size_t i = 0; i < added.size(); ++i) {
    tokens.push_back({{"id", 256 + i},
                      {"content", added[i]},
                      {"single_word", false},
                      {"lstrip", false},
                      {"rstrip", false},
                      {"normalized", false},
                      {"special", true}});
  }
  const Json byte_level = {
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", false}, {"use_regex", false}};
  const Json model = {{"type", "BPE"},
                      {"dropout", nullptr},
                      {"unk_token", nullptr},
                      {"continuing_subword_prefix", nullptr},
                      {"end_of_word_suffix", nullptr},
                      {"fuse_unk", false},
                      {"byte_fallback", false},
                      {"ignore_merges", false},
                      {"vocab", vocab},
                      {"merges", Json::array()}};
  const Json file = {{"version", "1.0"},          {"truncation", nullptr}, {"padding", nullptr},
                     {"added_tokens", tokens},    {"normalizer", nullptr}, {"pre_tokenizer", byte_level},
                     {"post_processor", nullptr}, {"decoder", byte_level}, {"model", model}};
  const Scratch scratch("byte-tokenizer");
  return swift::text::Tokenizer::load(scratch.file("tokenizer.json", file.dump()));
}
