#include "base/error.h"

#include "base/format.h"

namespace swift::base {
namespace {

std::string full_text(const std::string& message, const Location& where, const std::string& hint) {
  std::string text = where.str();
  if (!text.empty()) text += ": ";
  text += "error: " + message;
  if (!hint.empty()) text += "\n  hint: " + hint;
  return text;
}

}  // namespace

std::string Location::str() const {
  std::string text = file;
  if (line > 0) text += ":" + std::to_string(line);
  if (line > 0 && column > 0) text += ":" + std::to_string(column);
  return text;
}

Error::Error(ExitCode code, std::string message, Location where, std::string hint)
    : std::runtime_error(full_text(message, where, hint)),
      code_(code),
      message_(std::move(message)),
      where_(std::move(where)),
      hint_(std::move(hint)) {}

}  // namespace swift::base
