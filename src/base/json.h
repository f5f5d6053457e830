// JSON as the rest of the project uses it: insertion order kept, errors with file and line.
#pragma once
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/error.h"

namespace swift::base {

using Json = nlohmann::ordered_json;

// Parses UTF-8 JSON. Throws Error(code) with the file, and the line and column of the fault; `line` is the
// line of the file at which the text begins.
Json parse_json(std::string_view text, const std::string& file, ExitCode code = ExitCode::data, int line = 1);

// Whether the bytes are UTF-8, and so can stand in JSON.
bool is_utf8(const std::string& text);

// Reads and parses a file. Throws Error(code) when it is missing or malformed.
Json read_json(const std::filesystem::path& path, ExitCode code = ExitCode::data);

}  // namespace swift::base
