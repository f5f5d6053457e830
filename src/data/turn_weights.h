// Weights of the parts of an assistant's turn, as ms-swift's loss_scale gives them (arXiv 2309.00986: the
// parts of an agent's answer that call a tool count more).
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace swift::data {

// Bytes [begin, end) of a turn whose tokens have this factor on their loss; 0: not trained.
struct Stretch {
  size_t begin = 0;
  size_t end = 0;
  float weight = 1;
};

// The stretches of a turn's text, its end-of-turn token left out: in order, without gaps, neighbours of
// different weight. Each part is applied to the whole turn and the weights are multiplied:
//   ignore_empty_think   thoughts without text at the start: 0; so is a closing mark whose opening one the
//   prompt
//                        wrote
//   ignore_think_prefix  "<think>" and the line break behind it, at the start: 0
//   hermes               <tool_call>…</tool_call>: 2
//   react, alpha_umi, qwen, agentflan: a keyword and the text behind it, up to the next keyword, have the two
//                        weights of the table in the source
std::vector<Stretch> turn_weights(std::string_view turn, const std::vector<std::string>& parts);

}  // namespace swift::data
