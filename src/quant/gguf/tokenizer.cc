#include "quant/gguf/tokenizer.h"

#include <algorithm>
#include <unordered_map>

#include "base/error.h"
#include "base/format.h"

namespace swift::quant::gguf {
namespace {

using base::cat;
using base::Json;

// llama_token_type of llama.h.
enum TokenType : int32_t {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4,
  kUnused = 5,
  kByte = 6
};

constexpr std::string_view kSpace = "\xE2\x96\x81";  // U+2581, a space of SentencePiece

struct Tokens {
  std::vector<std::string> texts;
  std::vector<int32_t> types;
};

[[noreturn]] void refuse(const TokenizerSource& source, const std::string& what) {
  throw base::Error(base::ExitCode::model, "llama.cpp cannot run this tokenizer: " + what, {source.file.path},
                    "export the model as safetensors");
}

const Json& part(const Json& object, const char* key) {
  static const Json kNothing;
  const auto found = object.find(key);
  return found == object.end() ? kNothing : *found;
}

bool flag(const Json& object, const char* key) {
  const Json& value = part(object, key);
  return value.is_boolean() && value.get<bool>();
}

std::string byte_token(int byte) {
  char text[8];
  std::snprintf(text, sizeof text, "<0x%02X>", byte);
  return text;
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

Tokens tokens_of(const TokenizerSource& source, bool pieces) {
  const auto rows = static_cast<size_t>(source.rows);
  Tokens tokens{std::vector<std::string>(rows), std::vector<int32_t>(rows, kUnused)};
  const auto set = [&](int64_t id, std::string text, int32_t type) {
    if (id < 0 || id >= source.rows)
      refuse(source, cat("token ", id, " has no row in the embeddings of ", source.rows));
    tokens.texts[static_cast<size_t>(id)] = std::move(text);
    tokens.types[static_cast<size_t>(id)] = type;
  };
  for (const text::VocabEntry& entry : source.file.vocab)
    set(entry.id, std::string(source.file.text(entry.token)), kNormal);
  for (const Json& entry : part(source.file.rest, "added_tokens")) {
    std::string text = entry.at("content").get<std::string>();
    const bool special = flag(entry, "special");
    if (!special) replace_all(text, kSpace, " ");
    set(entry.at("id").get<int64_t>(), std::move(text), special ? kControl : kUserDefined);
  }
  for (size_t id = 0; id < rows; ++id) {
    if (tokens.types[id] == kUnused) tokens.texts[id] = cat("[PAD", id, "]");
    if (pieces && tokens.texts[id].starts_with("<0x") && tokens.texts[id].size() == 6)
      tokens.types[id] = kByte;
  }
  return tokens;
}

// NFC changes few texts; llama.cpp does without.
void check_byte_level(const TokenizerSource& source) {
  const Json &model = part(source.file.rest, "model"), &normalizer = part(source.file.rest, "normalizer");
  if (normalizer.is_object() && normalizer.value("type", "") != "NFC")
    refuse(source, cat("it has no normalizer ", normalizer.value("type", "")));
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    const Json& value = part(model, key);
    if (value.is_string() && !value.get<std::string>().empty()) refuse(source, cat("it has no ", key));
  }
}

void describe_byte_level(const TokenizerSource& source, Metadata& metadata) {
  check_byte_level(source);
  const Json& model = part(source.file.rest, "model");
  const std::string name =
      pre_tokenizer_name(part(source.file.rest, "pre_tokenizer"), flag(model, "ignore_merges"));
  if (name.empty()) refuse(source, "it has no name for the way that its pre_tokenizer cuts words");
  const Tokens tokens = tokens_of(source, false);
  metadata.add("tokenizer.ggml.model", "gpt2");
  metadata.add("tokenizer.ggml.pre", name);
  metadata.add("tokenizer.ggml.tokens", tokens.texts);
  metadata.add("tokenizer.ggml.token_type", tokens.types);
  std::vector<std::string> merges;
  for (const text::MergeEntry& merge : source.file.merges)
    merges.push_back(cat(source.file.text(merge.left), " ", source.file.text(merge.right)));
  metadata.add("tokenizer.ggml.merges", merges);
}

// Of normalizers that write spaces as U+2581: whether one is put before the text.
bool prepends_space(const TokenizerSource& source) {
  const Json& normalizer = part(source.file.rest, "normalizer");
  const std::string type = normalizer.is_object() ? normalizer.value("type", "") : "";
  std::vector<Json> steps;
  if (type == "Sequence") steps = normalizer.value("normalizers", std::vector<Json>());
  if (!type.empty() && type != "Sequence") steps = {normalizer};
  bool prepends = false, replaces = false;
  for (const Json& step : steps) {
    const std::string kind = step.value("type", "");
    if (kind == "Prepend" && step.value("prepend", "") == kSpace) {
      prepends = true;
    } else if (kind == "Replace" && step.value("content", "") == kSpace &&
               step.value("pattern", Json()) == Json{{"String", " "}}) {
      replaces = true;
    } else {
      refuse(source, cat("it has no normalizer ", kind));
    }
  }
  if (!replaces) refuse(source, "its normalizer does not write spaces as U+2581");
  return prepends;
}

// A score a token, so that the best merge is always that of lowest rank. llama.cpp merges any two tokens
// whose texts joined are a token: every such pair must be among the merges, and the merges of a token must
// follow one another.
class Scores {
 public:
  Scores(const TokenizerSource& source, const Tokens& tokens) : source_(source), tokens_(tokens) {
    for (size_t id = 0; id < tokens.texts.size(); ++id) {
      if (tokens.types[id] == kNormal) ids_.emplace(tokens.texts[id], id);
    }
  }

  std::vector<float> run() {
    const auto& merges = source_.file.merges;
    std::vector<float> scores(tokens_.texts.size(), 0.0F);
    for (const auto& [text, id] : ids_) scores[id] = -static_cast<float>(merges.size());
    std::unordered_map<size_t, int64_t> pairs;  // by the token they make
    size_t last = tokens_.texts.size();
    for (size_t rank = 0; rank < merges.size(); ++rank) {
      const std::string joined =
          cat(source_.file.text(merges[rank].left), source_.file.text(merges[rank].right));
      const auto found = ids_.find(joined);
      if (found == ids_.end()) refuse(source_, "a merge makes '" + joined + "', which is no token");
      const size_t id = found->second;
      if (pairs[id]++ == 0) {
        scores[id] = -static_cast<float>(rank);
      } else if (id != last) {
        refuse(source_, "the merges that make '" + joined + "' do not follow one another");
      }
      last = id;
    }
    for (const auto& [text, id] : ids_) {
      if (pairs_in(text) != pairs[id])
        refuse(source_, "it would merge other pairs to '" + std::string(text) + "' than its merges have");
    }
    return scores;
  }

 private:
  // Ways to cut a text into two tokens.
  int64_t pairs_in(std::string_view text) const {
    int64_t count = 0;
    for (size_t cut = 1; cut < text.size(); ++cut) {
      if ((static_cast<unsigned char>(text[cut]) & 0xC0U) == 0x80U) continue;  // inside a character
      count += ids_.contains(text.substr(0, cut)) && ids_.contains(text.substr(cut)) ? 1 : 0;
    }
    return count;
  }

  const TokenizerSource& source_;
  const Tokens& tokens_;
  std::unordered_map<std::string_view, size_t> ids_;
};

void describe_pieces(const TokenizerSource& source, Metadata& metadata) {
  if (!part(source.file.rest, "pre_tokenizer").is_null())
    refuse(source, "it has no pre_tokenizer beside byte fallback");
  const bool prepends = prepends_space(source);
  Tokens tokens = tokens_of(source, true);
  for (int byte = 0; byte < 256; ++byte) {
    if (std::find(tokens.texts.begin(), tokens.texts.end(), byte_token(byte)) == tokens.texts.end())
      refuse(source, "it lacks the token " + byte_token(byte));
  }
  const std::vector<float> scores = Scores(source, tokens).run();
  const Json& unknown = part(part(source.file.rest, "model"), "unk_token");
  const auto id =
      unknown.is_string() ? source.text.tokenizer.id_of(unknown.get<std::string>()) : std::nullopt;
  if (id) tokens.types[static_cast<size_t>(*id)] = kUnknown;
  metadata.add("tokenizer.ggml.model", "llama");
  metadata.add("tokenizer.ggml.pre", "default");
  metadata.add("tokenizer.ggml.tokens", tokens.texts);
  metadata.add("tokenizer.ggml.scores", scores);
  metadata.add("tokenizer.ggml.token_type", tokens.types);
  metadata.add("tokenizer.ggml.add_space_prefix", prepends);
}

std::optional<uint32_t> special_id(const TokenizerSource& source, const std::string& name) {
  const Json& text = part(source.special, (name + "_token").c_str());
  if (text.is_string()) {
    if (const auto id = source.text.tokenizer.id_of(text.get<std::string>())) return *id;
  }
  const Json& id = part(source.config, (name + "_token_id").c_str());
  if (id.is_number_unsigned() && id.get<int64_t>() < source.rows) return id.get<uint32_t>();
  return std::nullopt;
}

void describe_special(const TokenizerSource& source, Metadata& metadata) {
  const auto id = [&](const char* key, std::optional<uint32_t> value) {
    if (value) metadata.add(cat("tokenizer.ggml.", key, "_token_id"), *value);
  };
  // A configuration may name a token that is part of texts; that one would cut answers short.
  std::vector<int32_t> ends;
  for (const int32_t end : source.text.eos_token_ids) {
    if (source.text.tokenizer.is_special(end)) ends.push_back(end);
  }
  const auto end = [&](size_t i) {
    return i < ends.size() ? std::optional<uint32_t>(static_cast<uint32_t>(ends[i])) : std::nullopt;
  };
  id("bos", special_id(source, "bos"));
  // Three keys whose tokens end an answer: of a text, a turn, a message.
  id("eos", end(0));
  id("eot", end(1));
  id("eom", end(2));
  id("unknown", special_id(source, "unk"));
  id("padding", special_id(source, "pad"));
  metadata.add("tokenizer.ggml.add_bos_token", adds_bos(source));
  metadata.add("tokenizer.ggml.add_eos_token", false);
  if (source.text.chat_template) metadata.add("tokenizer.chat_template", source.text.chat_template->source());
}

}  // namespace

bool adds_bos(const TokenizerSource& source) {
  if (source.text.bos_token_id) return true;
  const Json& bos = part(source.special, "bos_token");
  const Json& processor = part(source.file.rest, "post_processor");
  if (!bos.is_string() || !processor.is_object()) return false;
  const std::vector<Json> steps = processor.value("processors", std::vector<Json>{processor});
  return std::any_of(steps.begin(), steps.end(), [&](const Json& step) {
    const Json& single = part(step, "single");
    if (!single.is_array() || single.empty()) return false;
    const Json& first = part(single.front(), "SpecialToken");
    return first.is_object() && part(first, "id") == bos;
  });
}

void describe_tokenizer(const TokenizerSource& source, Metadata& metadata) {
  const Json& model = part(source.file.rest, "model");
  if (!source.file.vocab_is_object) refuse(source, "its model is no BPE");
  if (flag(model, "byte_fallback")) {
    describe_pieces(source, metadata);
  } else {
    describe_byte_level(source, metadata);
  }
  describe_special(source, metadata);
}

}  // namespace swift::quant::gguf
