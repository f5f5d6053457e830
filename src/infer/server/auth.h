// Whether a request brings a key that the server knows.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "infer/server/http/message.h"

namespace swift::infer::server {

// Takes a time that depends on the lengths only.
bool equal_in_constant_time(std::string_view given, std::string_view expected);

// "Authorization: Bearer KEY", or "x-api-key: KEY" as Anthropic's clients send it. Without keys everyone may.
bool authorized(const HttpRequest& request, const std::vector<std::string>& keys);

// The lines of a file, without blanks around them, empty ones and those that begin with '#'.
// Throws base::Error(usage) when it cannot be read or holds no key.
std::vector<std::string> read_key_file(const std::string& path);

}  // namespace swift::infer::server
