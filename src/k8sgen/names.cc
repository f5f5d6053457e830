#include "k8sgen/names.h"

#include <fmt/format.h>

#include <algorithm>

namespace swift::k8sgen {
namespace {

using Fault = std::optional<std::string>;

bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return is_lower(c) || (c >= 'A' && c <= 'Z');
}
bool is_lower_or_digit(char c) {
  return is_lower(c) || is_digit(c);
}
bool is_letter_or_digit(char c) {
  return is_letter(c) || is_digit(c);
}

// The character at a place, as a message can show it.
std::string shown(char c) {
  if (c == ' ') return "a blank";
  const auto byte = static_cast<unsigned char>(c);
  return byte > 0x20 && byte < 0x7f ? fmt::format("'{}'", c) : fmt::format("byte 0x{:02x}", byte);
}

Fault length_fault(std::string_view text, size_t longest) {
  if (text.empty()) return "empty";
  if (text.size() > longest)
    return fmt::format("{} characters; at most {} are allowed", text.size(), longest);
  return {};
}

// The first character that is none of the allowed ones.
template <class Allowed>
Fault character_fault(std::string_view text, Allowed allowed, std::string_view which) {
  const auto bad = std::find_if_not(text.begin(), text.end(), allowed);
  if (bad == text.end()) return {};
  return fmt::format("{} is not allowed; use {}", shown(*bad), which);
}

template <class Allowed>
Fault ends_fault(std::string_view text, Allowed allowed, std::string_view which) {
  if (!allowed(text.front())) return fmt::format("begins with {}; begin with {}", shown(text.front()), which);
  if (!allowed(text.back())) return fmt::format("ends with {}; end with {}", shown(text.back()), which);
  return {};
}

Fault qualified_fault(std::string_view text) {
  if (Fault fault = length_fault(text, 63)) return fault;
  const auto allowed = [](char c) { return is_letter_or_digit(c) || c == '-' || c == '_' || c == '.'; };
  if (Fault fault = character_fault(text, allowed, "A-Z, a-z, 0-9, '-', '_' and '.'")) return fault;
  return ends_fault(text, is_letter_or_digit, "a letter or a digit");
}

}  // namespace

Fault label_name_fault(std::string_view name, size_t longest) {
  if (Fault fault = length_fault(name, longest)) return fault;
  const auto allowed = [](char c) { return is_lower_or_digit(c) || c == '-'; };
  if (Fault fault = character_fault(name, allowed, "a-z, 0-9 and '-'")) return fault;
  return ends_fault(name, is_lower_or_digit, "a letter of a-z or a digit");
}

Fault subdomain_fault(std::string_view name) {
  if (Fault fault = length_fault(name, 253)) return fault;
  const auto allowed = [](char c) { return is_lower_or_digit(c) || c == '-' || c == '.'; };
  if (Fault fault = character_fault(name, allowed, "a-z, 0-9, '-' and '.'")) return fault;
  while (true) {
    const size_t dot = name.find('.');
    const std::string_view part = name.substr(0, dot);
    if (part.empty()) return "a part between dots is empty; write labels joined by single dots";
    if (Fault fault = ends_fault(part, is_lower_or_digit, "a letter of a-z or a digit")) return fault;
    if (dot == name.npos) return {};
    name.remove_prefix(dot + 1);
  }
}

Fault service_name_fault(std::string_view name) {
  if (Fault fault = label_name_fault(name)) return fault;
  if (!is_lower(name.front()))
    return fmt::format("begins with {}; begin with a letter of a-z", shown(name.front()));
  return {};
}

Fault label_key_fault(std::string_view key) {
  const size_t slash = key.find('/');
  if (slash == key.npos) return qualified_fault(key);
  if (Fault fault = subdomain_fault(key.substr(0, slash))) return "prefix before '/': " + *fault;
  if (Fault fault = qualified_fault(key.substr(slash + 1))) return "name behind '/': " + *fault;
  return {};
}

Fault label_value_fault(std::string_view value) {
  return value.empty() ? Fault() : qualified_fault(value);
}

Fault data_key_fault(std::string_view key) {
  if (Fault fault = length_fault(key, 253)) return fault;
  if (key == "." || key.substr(0, 2) == "..") return "begins with dots; a key is used as a file name";
  const auto allowed = [](char c) { return is_letter_or_digit(c) || c == '-' || c == '_' || c == '.'; };
  return character_fault(key, allowed, "A-Z, a-z, 0-9, '-', '_' and '.'");
}

Fault host_fault(std::string_view host) {
  if (host.substr(0, 2) == "*.") host.remove_prefix(2);
  const auto number = [](char c) { return is_digit(c) || c == '.'; };
  if (!host.empty() && std::all_of(host.begin(), host.end(), number))
    return "an IP address; write a host name, or leave the host out to serve every name";
  if (host.find('*') != host.npos) return "'*' is allowed only as the whole first part, as in *.example.com";
  return subdomain_fault(host);
}

Fault port_name_fault(std::string_view name) {
  if (Fault fault = length_fault(name, 15)) return fault;
  const auto allowed = [](char c) { return is_lower_or_digit(c) || c == '-'; };
  if (Fault fault = character_fault(name, allowed, "a-z, 0-9 and '-'")) return fault;
  if (Fault fault = ends_fault(name, is_lower_or_digit, "a letter of a-z or a digit")) return fault;
  if (name.find("--") != name.npos) return "holds '--'; write single hyphens";
  if (std::none_of(name.begin(), name.end(), is_lower))
    return "holds no letter; a name has at least one of a-z";
  return {};
}

Fault variable_name_fault(std::string_view name) {
  if (name.empty()) return "empty";
  const auto allowed = [](char c) { return is_letter_or_digit(c) || c == '-' || c == '_' || c == '.'; };
  if (Fault fault = character_fault(name, allowed, "A-Z, a-z, 0-9, '_', '-' and '.'")) return fault;
  if (is_digit(name.front()))
    return fmt::format("begins with {}; begin with a letter or '_'", shown(name.front()));
  if (name == "." || name.substr(0, 2) == "..") return "begins with dots; begin with a letter or '_'";
  return {};
}

}  // namespace swift::k8sgen
