// swift export --quant_method awq|gptq|rtn|fp8: from the task to quant/export.h.
#pragma once
#include <filesystem>

#include "config/task.h"
#include "model/decoder.h"

namespace swift::cli {

// Quantizes the decoder, whole and with adapters beside its weights, into `target`, which must not exist or
// may be replaced. `text`: where tokenizer and generation files come from.
void quantize_model(const config::Task& task, model::Decoder& decoder, const std::filesystem::path& text,
                    const std::filesystem::path& target);

}  // namespace swift::cli
