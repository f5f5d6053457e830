// The tokenizer of a model directory as llama.cpp reads it from a GGUF file's header ("tokenizer.ggml.*").
#pragma once
#include <string>

#include "quant/gguf/file.h"
#include "text/model_text.h"
#include "text/tokenizer_file.h"

namespace swift::quant::gguf {

// What the header needs of a tokenizer. file: tokenizer.json with the task's new tokens.
struct TokenizerSource {
  const text::TokenizerFile& file;
  const text::ModelText& text;
  base::Json special;  // {"bos_token": "<s>", …}
  base::Json config;   // config.json
  int64_t rows = 0;    // of the embeddings; those without a token become unused ones
};

// Whether a text begins with the bos token: add_bos_token of tokenizer_config.json, or the post-processor.
bool adds_bos(const TokenizerSource& source);

// llama.cpp's name of the way a byte-level tokenizer cuts words, "qwen2". pre_tokenizer and ignore_merges as
// in tokenizer.json. Empty when it has none.
std::string pre_tokenizer_name(const base::Json& pre_tokenizer, bool ignore_merges);

// Throws base::Error(model), naming what llama.cpp lacks: another model than byte-level BPE or SentencePiece
// BPE with byte fallback, an unknown cut into words, a normalizer, merges that its own order of merging would
// not follow, more tokens than rows.
void describe_tokenizer(const TokenizerSource& source, Metadata& metadata);

}  // namespace swift::quant::gguf
