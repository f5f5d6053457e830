#include "config/report.h"

#include <algorithm>
#include <sstream>
#include <tuple>

namespace swift::config {
namespace {

constexpr size_t kShownColumns = 160;  // longer source lines are cut

bool starts_character(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) != 0x80;
}

// The line with every control character as a space, cut to kShownColumns characters.
std::string printable(const std::string& line) {
  std::string shown;
  size_t columns = 0;
  for (const char byte : line) {
    if (starts_character(byte) && ++columns > kShownColumns) break;
    const auto value = static_cast<unsigned char>(byte);
    shown += value < 0x20 || value == 0x7F ? ' ' : byte;
  }
  return shown;
}

std::string excerpt(const std::string& line, const Problem& problem) {
  const std::string number = std::to_string(problem.origin.where.line);
  const std::string shown = printable(line);
  const auto columns = static_cast<int>(std::count_if(shown.begin(), shown.end(), starts_character));
  std::string text =
      "\n" + std::string(number.size() < 5 ? 5 - number.size() : 0, ' ') + number + " | " + shown;
  const int start = problem.origin.where.column;
  if (start < 1 || start > columns + 1) return text;
  const int length = std::clamp(problem.length, 1, std::max(1, columns + 1 - start));
  text += "\n      | " + std::string(start - 1, ' ') + "^" + std::string(length - 1, '~');
  return text;
}

}  // namespace

ConfigError::ConfigError(std::vector<Problem> problems, std::string report)
    : base::Error(base::ExitCode::usage, problems.front().message, problems.front().origin.where),
      problems_(std::move(problems)),
      report_(std::move(report)) {}

void Report::add_source(const std::string& file, const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string>& lines = lines_[file];
  for (std::string line; std::getline(stream, line);) lines.push_back(std::move(line));
}

void Report::add(const base::Error& error) {
  if (error.code() != base::ExitCode::usage && problems_.empty()) throw error;
  if (const auto* many = dynamic_cast<const ConfigError*>(&error)) {
    problems_.insert(problems_.end(), many->problems().begin(), many->problems().end());
    return;
  }
  const std::string hint = error.hint().empty() ? "" : "\n  hint: " + error.hint();
  const Origin origin = error.where().file.empty() ? Origin::derived() : Origin::in_file(error.where());
  problems_.push_back({origin, 1, error.message() + hint});
}

std::string Report::text_of(const Problem& problem) const {
  const Origin& origin = problem.origin;
  const bool placed = origin.source == Source::file || origin.source == Source::args_json;
  const std::string where = placed ? origin.where.str() : origin.name;
  std::string text = where.empty() ? "error: " : where + ": error: ";
  text += problem.message;
  const auto lines = lines_.find(origin.where.file);
  const int line = origin.where.line;
  if (placed && lines != lines_.end() && line > 0 && line <= static_cast<int>(lines->second.size())) {
    text += excerpt(lines->second[line - 1], problem);
  }
  return text;
}

void Report::throw_if_any() const {
  if (problems_.empty()) return;
  std::vector<Problem> sorted = problems_;
  std::stable_sort(sorted.begin(), sorted.end(), [](const Problem& a, const Problem& b) {
    const auto key = [](const Problem& p) {
      const base::Location& at = p.origin.where;
      return std::make_tuple(p.origin.source, at.file, at.line, at.column);
    };
    return key(a) < key(b);
  });
  std::string report;
  for (const Problem& problem : sorted) report += text_of(problem) + "\n";
  report += std::to_string(sorted.size()) + (sorted.size() == 1 ? " error" : " errors") + "; nothing was run";
  throw ConfigError(std::move(sorted), std::move(report));
}

}  // namespace swift::config
