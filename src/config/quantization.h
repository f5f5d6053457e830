// Settings of `swift export --quant_method`: what each method takes and how it is written.
#pragma once
#include "config/task.h"

namespace swift::config {

// Whether this export quantizes (bnb is the form of a base that adapters are merged onto).
bool quantizes(const Task& task);

// Whether this export writes GGUF files.
bool writes_gguf(const Task& task);

// Fills in export_format for to_ollama. Throws base::Error(usage), naming both settings, for a GGUF file with
// quant_method, and for gguf_type without a GGUF file.
void resolve_export_format(Task& task);

// Fills in quant_bits, quant_format and quant_sym. Throws base::Error(usage), naming the settings, for bits,
// group sizes and forms that the method does not have, for settings of another method, and for calibration
// without a dataset.
void resolve_quantization(Task& task);

}  // namespace swift::config
