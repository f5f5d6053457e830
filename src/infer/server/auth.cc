#include "infer/server/auth.h"

#include <algorithm>

#include "base/error.h"
#include "base/file.h"

namespace swift::infer::server {

bool equal_in_constant_time(std::string_view given, std::string_view expected) {
  if (expected.empty()) return false;
  unsigned different = given.size() == expected.size() ? 0 : 1;
  for (size_t i = 0; i < given.size(); ++i) {
    different |=
        static_cast<unsigned char>(given[i]) ^ static_cast<unsigned char>(expected[i % expected.size()]);
  }
  return different == 0;
}

bool authorized(const HttpRequest& request, const std::vector<std::string>& keys) {
  if (keys.empty()) return true;
  std::string_view given;
  if (const auto key = request.header("x-api-key")) given = *key;
  if (const auto header = request.header("authorization")) {
    constexpr std::string_view kScheme = "Bearer ";
    if (header->size() > kScheme.size() && equal_ignoring_case(header->substr(0, kScheme.size()), kScheme)) {
      given = header->substr(kScheme.size());
      while (given.starts_with(' ')) given.remove_prefix(1);
    }
  }
  bool known = false;
  for (const std::string& key : keys) known |= equal_in_constant_time(given, key);
  return known;
}

std::vector<std::string> read_key_file(const std::string& path) {
  const std::string text = base::read_file(path, base::ExitCode::usage);
  std::vector<std::string> keys;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = std::string_view(text).substr(at, end - at);
    at = end + 1;
    const size_t first = line.find_first_not_of(" \t\r");
    if (first == std::string_view::npos || line[first] == '#') continue;
    keys.emplace_back(line.substr(first, line.find_last_not_of(" \t\r") - first + 1));
  }
  if (keys.empty()) throw base::Error(base::ExitCode::usage, "api_key_file: " + path + " holds no key");
  return keys;
}

}  // namespace swift::infer::server
