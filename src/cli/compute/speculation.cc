#include "cli/compute/speculation.h"

#include "infer/decoder_model.h"
#include "infer/model_drafter.h"
#include "infer/ngram_drafter.h"
#include "model/load.h"
#include "model/placement.h"

namespace swift::cli {

Speculation load_speculation(const config::Task& task, const text::Tokenizer& tokenizer,
                             const infer::StepModel& model, at::Device device) {
  Speculation result;
  if (task.speculative_tokens.value_or(0) == 0) return result;
  if (!task.speculative_model) {
    result.drafter = std::make_unique<infer::NgramDrafter>();
    return result;
  }
  const std::string& directory = *task.speculative_model;
  infer::require_same_tokens(tokenizer, text::Tokenizer::load(directory), directory);
  const int64_t positions = model.blocks() * model.block_tokens();
  model::Decoder draft = model::load_decoder(directory, model::parse_dtype(task.torch_dtype));
  model::move_to(draft, device);
  result.model = std::make_unique<infer::DecoderModel>(
      std::move(draft), infer::CacheOptions{.most_tokens = positions, .graphs = task.cuda_graphs});
  result.drafter =
      std::make_unique<infer::ModelDrafter>(*result.model, task.max_num_batched_tokens, model.vocab_size());
  return result;
}

}  // namespace swift::cli
