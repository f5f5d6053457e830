#include "base/json.h"

#include <algorithm>

#include "base/file.h"

namespace swift::base {
namespace {

// nlohmann's what() is "[json.exception.parse_error.101] parse error at line 1, column 5: syntax error …".
std::string plain_reason(const std::string& what) {
  const size_t colon = what.find(": ");
  return colon == std::string::npos ? what : what.substr(colon + 2);
}

}  // namespace

Json parse_json(std::string_view text, const std::string& file, ExitCode code, int line) {
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& fault) {
    const size_t at = std::min(fault.byte > 0 ? fault.byte - 1 : 0, text.size());
    const std::string_view before = text.substr(0, at);
    const size_t last_line = before.rfind('\n');
    Location where{file, line + static_cast<int>(std::count(before.begin(), before.end(), '\n')),
                   static_cast<int>(at - (last_line == std::string_view::npos ? 0 : last_line + 1)) + 1};
    throw Error(code, "malformed JSON: " + plain_reason(fault.what()), std::move(where));
  }
}

bool is_utf8(const std::string& text) {
  try {
    (void)Json(text).dump();
    return true;
  } catch (const Json::type_error&) {
    return false;
  }
}

Json read_json(const std::filesystem::path& path, ExitCode code) {
  return parse_json(read_file(path, code), path.string(), code);
}

}  // namespace swift::base
