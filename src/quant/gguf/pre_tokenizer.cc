#include <array>

#include "quant/gguf/tokenizer.h"

namespace swift::quant::gguf {
namespace {

using base::Json;

// Patterns of tokenizer.json files and the name under which llama.cpp (llama-vocab.cpp) cuts words alike.
struct Cut {
  const char* name;
  bool ignores_merges;
  const char* pattern;
};

constexpr const char* kLlama3 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::array<Cut, 6> kCuts = {{
    {"llama-bpe", true, kLlama3},
    {"smaug-bpe", false, kLlama3},
    {"qwen2", false,
     R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
    {"qwen35", false,
     R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
    {"tekken", true,
     R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
    {"gpt-4o", false,
     R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
}};

void flatten(const Json& node, std::vector<Json>& steps) {
  if (!node.is_object()) return;
  if (node.value("type", "") != "Sequence") {
    steps.push_back(node);
    return;
  }
  for (const Json& child : node.value("pretokenizers", Json::array())) flatten(child, steps);
}

bool is_byte_level(const Json& step, bool cuts) {
  return step.value("type", "") == "ByteLevel" && !step.value("add_prefix_space", true) &&
         step.value("use_regex", true) == cuts;
}

// The pattern of a Split that keeps everything, or nothing.
std::string pattern_of(const Json& step) {
  const bool plain = step.value("type", "") == "Split" && step.value("behavior", "") == "Isolated" &&
                     !step.value("invert", false);
  const Json pattern = step.value("pattern", Json::object());
  return plain && pattern.contains("Regex") ? pattern.at("Regex").get<std::string>() : std::string();
}

}  // namespace

std::string pre_tokenizer_name(const Json& pre_tokenizer, bool ignore_merges) {
  std::vector<Json> steps;
  flatten(pre_tokenizer, steps);
  if (steps.size() == 1 && is_byte_level(steps[0], true) && !ignore_merges) return "gpt-2";
  if (steps.size() != 2) return {};
  if (is_byte_level(steps[1], true) && !ignore_merges && steps[0].value("type", "") == "Digits" &&
      steps[0].value("individual_digits", false))
    return "smollm";
  if (!is_byte_level(steps[1], false)) return {};
  for (const Cut& cut : kCuts) {
    if (cut.ignores_merges == ignore_merges && pattern_of(steps[0]) == cut.pattern) return cut.name;
  }
  return {};
}

}  // namespace swift::quant::gguf
