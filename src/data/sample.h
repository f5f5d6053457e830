// What a trainer consumes: token ids with labels, and packs of them.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace swift::data {

constexpr int32_t kIgnore = -100;  // label of a position that is not trained

// One dataset row after its schema was recognised: messages [{role, content, …}], optional tools, or plain
// text.
struct Row {
  base::Json messages = base::Json::array();
  base::Json tools = nullptr;
  std::string text;                           // pt only: messages is then empty
  base::Json columns = base::Json::object();  // every original column, for infer's output
  base::Json rejected = nullptr;              // preference pairs: the messages with the worse answer
  std::optional<bool> label;                  // KTO: whether the answer is a good one
  std::optional<double> margin;               // rm: how much better the chosen answer is
  base::Location where;                       // file and line of the row
};

// One encoded row. labels[i] is input_ids[i] where trained, else kIgnore; the shift by one happens in the
// loss.
struct Sample {
  std::vector<int32_t> input_ids;
  std::vector<int32_t> labels;
  base::Location where;
  bool truncated = false;          // cut to max_length; its end of turn may be gone
  std::vector<float> weights;      // factor on each label's loss; empty: 1
  std::string channel;             // the row's column "channel", for the loss by channel
  int64_t trained_tokens() const;  // labels that survive the shift: labels[1:] != kIgnore
};

// Several samples laid one after another, without padding. Attention must stay inside a sample.
struct Pack {
  std::vector<int32_t> input_ids;     // (tokens)
  std::vector<int32_t> labels;        // (tokens) already shifted: labels[t] is the target of position t
  std::vector<int32_t> position_ids;  // (tokens) restart at 0 in every sample
  std::vector<int32_t> cu_seqlens;    // (samples + 1) boundaries, first 0, last tokens
  std::vector<float> weights;         // (tokens) of the labels as shifted; empty: all 1
  std::vector<std::string> channels;  // (samples)
  int64_t trained_tokens = 0;
  int64_t samples() const { return static_cast<int64_t>(cu_seqlens.size()) - 1; }
};

// Appends the sample to the pack; the last position of a sample has label kIgnore after the shift.
void append(Pack& pack, const Sample& sample);

}  // namespace swift::data
