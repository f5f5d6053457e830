// What a decoder is made of, as data: every family's file fills one of these from config.json, and the
// loader, the decoder, LoRA targets and export read it.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace swift::model {

enum class QkNorm { none, per_head };

struct AttentionSpec {
  int64_t heads = 0;
  int64_t kv_heads = 0;  // divides heads
  int64_t head_dim = 0;  // even
  bool qkv_bias = false;
  bool o_bias = false;
  QkNorm qk_norm = QkNorm::none;
};

// Rotary frequencies; `llama3` is Llama 3.1's scaling by wavelength.
struct RopeSpec {
  enum class Type { plain, linear, llama3 };
  Type type = Type::plain;
  double theta = 10000.0;
  double factor = 1.0;
  double low_freq_factor = 1.0;
  double high_freq_factor = 4.0;
  int64_t original_positions = 8192;
};

// Layers whose MLP is a mixture of experts.
struct MoeSpec {
  int64_t experts = 0;  // 0: none
  int64_t per_token = 0;
  int64_t intermediate = 0;     // of one expert
  bool norm_topk_prob = false;  // the shares of a token's experts sum to 1
  std::vector<bool> sparse;     // (layers), or empty: all dense

  bool at(int64_t layer) const { return !sparse.empty() && sparse[static_cast<size_t>(layer)]; }
};

struct ModelSpec {
  std::string architecture;
  int64_t vocab = 0;
  int64_t hidden = 0;
  int64_t layers = 0;
  int64_t intermediate = 0;
  int64_t max_positions = 0;
  double norm_eps = 1e-6;
  bool tied_embeddings = false;
  bool mlp_bias = false;
  double initializer_range = 0.02;
  AttentionSpec attention;
  RopeSpec rope;
  MoeSpec moe;
  int64_t scores = 0;  // of a reward model's head (…ForSequenceClassification); 0: a language model
};

}  // namespace swift::model
