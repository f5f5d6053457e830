// The reference's side of a loss: its log-probabilities summed over each answer.
#pragma once
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "train/preference/answer_pack.h"

namespace swift::train::preference {

class ReferenceSums {
 public:
  virtual ~ReferenceSums() = default;
  // (answers) fp32 of a pack that holds these rows of the data, in order. weights (rows) or undefined.
  virtual at::Tensor sums(const AnswerPack& pack, std::span<const uint32_t> items,
                          const at::Tensor& weights) = 0;
};

// reference_free: zeros.
std::unique_ptr<ReferenceSums> no_reference();
// A pass of the reference over each pack.
std::unique_ptr<ReferenceSums> live_reference(std::shared_ptr<const model::Decoder> decoder);

// A table (data rows, 2) fp32 of the sums of both answers of each row; with one answer a row the second is 0.
std::unique_ptr<ReferenceSums> stored_reference(at::Tensor table);

// That table from `decoder`, `batch` rows a pass. length_alpha as length_weights, 1: none. Says how far it is
// where it takes long.
at::Tensor reference_table(const model::Decoder& decoder, const std::vector<data::Preference>& rows,
                           int64_t batch, double length_alpha);

// A table kept on disk, in a directory of its own whose name tells everything that it depends on. Nothing
// when it is absent; when it is damaged or of another size, with a warning.
std::optional<at::Tensor> read_table(const std::filesystem::path& directory, size_t rows);
// Complete or absent. Throws base::Error(failure).
void write_table(const std::filesystem::path& directory, const at::Tensor& table);

}  // namespace swift::train::preference
