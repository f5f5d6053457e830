#include "k8sgen/emit.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace swift::k8sgen {
namespace {

// Words that YAML 1.1 or 1.2 reads as something else than text.
bool reserved(std::string_view word) {
  static constexpr std::array<std::string_view, 9> kWords = {"y",   "n",    "yes",   "no",  "on",
                                                             "off", "true", "false", "null"};
  std::string lower(word);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  return std::find(kWords.begin(), kWords.end(), lower) != kWords.end();
}

// A key may stand plain when it cannot be anything but text: letters first, then what names of resources
// hold.
std::string key_text(const std::string& key) {
  const auto plain = [](unsigned char c) {
    return c < 0x80 && (std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.' || c == '/');
  };
  const bool safe = !key.empty() && std::isalpha(static_cast<unsigned char>(key[0])) != 0 &&
                    std::all_of(key.begin(), key.end(), plain) && !reserved(key);
  return safe ? key : quoted(key);
}

void write(const Node& node, size_t indent, std::string& out);

void write_scalar(const Node& node, std::string& out) {
  if (node.is_text())
    out += quoted(node.text());
  else if (node.is_integer())
    out += std::to_string(node.integer());
  else
    out += node.boolean() ? "true" : "false";
}

bool scalar(const Node& node) {
  return !node.is_map() && !node.is_list();
}

// What follows "key:" or "-".
void write_value(const Node& node, size_t indent, std::string& out) {
  if (scalar(node)) {
    out += ' ';
    write_scalar(node, out);
    out += '\n';
  } else if (node.empty()) {
    out += node.is_map() ? " {}\n" : " []\n";
  } else {
    out += '\n';
    write(node, indent, out);
  }
}

void write_map(const Node& node, size_t indent, bool first_inline, std::string& out) {
  for (size_t i = 0; i < node.items().size(); ++i) {
    if (i > 0 || !first_inline) out.append(indent, ' ');
    out += key_text(node.keys()[i]) + ":";
    const Node& value = node.items()[i];
    write_value(value, value.is_list() ? indent : indent + 2, out);
  }
}

void write(const Node& node, size_t indent, std::string& out) {
  if (node.is_map()) return write_map(node, indent, false, out);
  for (const Node& item : node.items()) {
    out.append(indent, ' ');
    out += '-';
    if (item.is_map() && !item.empty()) {
      out += ' ';
      write_map(item, indent + 2, true, out);
    } else {
      write_value(item, indent + 2, out);
    }
  }
}

}  // namespace

std::string quoted(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out = "\"";
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto next = [&](size_t k) {
      return i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0U;
    };
    if (byte == '"' || byte == '\\') {
      out += '\\', out += static_cast<char>(byte);
    } else if (byte == '\n') {
      out += "\\n";
    } else if (byte == '\t') {
      out += "\\t";
    } else if (byte == '\r') {
      out += "\\r";
    } else if (byte < 0x20 || byte == 0x7F) {
      out += "\\x", out += kHex[byte >> 4], out += kHex[byte & 15];
    } else if (byte == 0xC2 && next(1) < 0xA0) {
      // C1 controls, among them NEL, which YAML 1.1 takes for a line break.
      out += "\\x", out += kHex[next(1) >> 4], out += kHex[next(1) & 15];
      ++i;
    } else if (byte == 0xE2 && next(1) == 0x80 && (next(2) == 0xA8 || next(2) == 0xA9)) {
      out += next(2) == 0xA8 ? "\\u2028" : "\\u2029";
      i += 2;
    } else if (byte == 0xEF && next(1) == 0xBB && next(2) == 0xBF) {
      out += "\\uFEFF";
      i += 2;
    } else {
      out += static_cast<char>(byte);
    }
  }
  return out + '"';
}

std::string to_yaml(const Node& root) {
  std::string out = "---\n";
  write(root, 0, out);
  return out;
}

std::string to_yaml(std::span<const Object> objects) {
  std::string out;
  for (const Object& object : objects) out += to_yaml(object.root);
  return out;
}

}  // namespace swift::k8sgen
