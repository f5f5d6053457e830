#include "text/tokenizer_decoder.h"

#include "text/unicode.h"

namespace swift::text {
namespace {

// The byte that "<0xHH>" names, or -1.
int named_byte(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return -1;
  int value = 0;
  for (const char c : token.substr(3, 2)) {
    int digit = -1;
    if (c >= '0' && c <= '9') digit = c - '0';
    if (c >= 'A' && c <= 'F') digit = c - 'A' + 10;
    if (c >= 'a' && c <= 'f') digit = c - 'a' + 10;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

// Characters of GPT-2's alphabet to bytes; a token with any other character stands for itself, as in the
// reference.
std::string from_alphabet(std::string_view token) {
  std::string bytes;
  bytes.reserve(token.size());
  for (size_t at = 0; at < token.size();) {
    const int byte = char_to_byte(next_code_point(token, at));
    if (byte < 0) return std::string(token);
    bytes += static_cast<char>(byte);
  }
  return bytes;
}

std::string replaced(const Regex& pattern, std::string_view text, const std::string& content) {
  RegexScratch scratch;
  std::vector<Match> matches;
  pattern.find_all(text, scratch, matches);
  std::string out;
  size_t from = 0;
  for (const Match& match : matches) {
    out.append(text, from, match.begin - from);
    out += content;
    from = match.end;
  }
  out.append(text, from);
  return out;
}

}  // namespace

size_t strip_length(std::string_view text, std::string_view content, size_t most, bool from_left) {
  size_t length = 0;
  for (size_t i = 0; i < most && !content.empty(); ++i) {
    const std::string_view rest = from_left ? text.substr(length) : text.substr(0, text.size() - length);
    if (from_left ? !rest.starts_with(content) : !rest.ends_with(content)) break;
    length += content.size();
  }
  return length;
}

void Decoder::add_strip(const Node& node) {
  const auto count = [&](const char* key) {
    const Node value = node.at(key);
    const int64_t number = value.integer();
    if (number < 0 || number > 1024) value.fail("expected 0 to 1024");
    return static_cast<size_t>(number);
  };
  const size_t left = count("start"), right = count("stop");
  const std::string content = node.string("content");
  if (!fused_) {
    steps_.push_back({Kind::strip, {}, content, left, right});
    return;
  }
  if (has_edges()) node.fail("a second Strip after Fuse is not supported");
  edges_ = {content, left, right};
}

void Decoder::add(const Node& node) {
  const std::string type = node.type();
  if (type == "Sequence") {
    for (const Node& child : node.at("decoders").items()) add(child);
    return;
  }
  if (type == "Fuse") {
    fused_ = true;
    return;
  }
  if (type == "Strip") {
    add_strip(node);
    return;
  }
  if (type != "ByteLevel" && type != "Replace" && type != "ByteFallback") {
    node.fail("unsupported decoder \"" + type + "\"",
              "supported: ByteLevel, Replace, ByteFallback, Fuse, Strip, Sequence");
  }
  if (fused_) node.fail(type + " after the tokens are fused is not supported", "only Strip may follow");
  if (type == "ByteLevel") {
    steps_.push_back({Kind::byte_level});
    fused_ = true;
  } else if (type == "Replace") {
    steps_.push_back({Kind::replace, Regex::from_node(node.at("pattern")), node.string("content")});
  } else {
    steps_.push_back({Kind::byte_fallback});
  }
}

Decoder Decoder::from_node(const Node& node) {
  Decoder decoder;
  decoder.joined_ = true;
  decoder.add(node);
  return decoder;
}

std::string Decoder::bytes_of(std::string_view token) const {
  std::string text(token);
  for (const Step& step : steps_) {
    switch (step.kind) {
      case Kind::byte_level:
        text = from_alphabet(text);
        break;
      case Kind::replace:
        text = replaced(step.pattern, text, step.content);
        break;
      case Kind::byte_fallback:
        if (const int byte = named_byte(text); byte >= 0) return std::string(1, static_cast<char>(byte));
        break;
      case Kind::strip:
        text.erase(0, strip_length(text, step.content, step.left, true));
        text.erase(text.size() - strip_length(text, step.content, step.right, false));
        break;
    }
  }
  return text;
}

}  // namespace swift::text
