#include "quant/gguf/export.h"

namespace swift::quant::gguf {

void write_model(const std::filesystem::path& file, const model::Decoder& decoder,
                 const TokenizerSource& tokenizer, const std::string& name, FileType type) {
  model::ModelSpec spec = decoder.spec;
  spec.vocab = decoder.embed_tokens.size(0);
  Metadata metadata;
  describe_model(spec, name, type, metadata);
  describe_tokenizer(tokenizer, metadata);
  write_gguf(file, metadata, tensors_of(decoder, type));
}

}  // namespace swift::quant::gguf
