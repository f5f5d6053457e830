#include "data/readers.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>

#include "base/file.h"
#include "base/suggest.h"
#include "data/utf8.h"

namespace swift::data {
namespace fs = std::filesystem;
using base::Error;
using base::ExitCode;
namespace {

constexpr const char* kKinds = ".jsonl, .ndjson, .json, .csv, .txt";

std::string lower_extension(const fs::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c); });
  return extension;
}

bool blank(std::string_view line) {
  return line.find_first_not_of(" \t\r\n\v\f") == std::string_view::npos;
}

// Names beside the missing path, for "did you mean".
std::string missing_hint(const fs::path& path) {
  std::error_code ignored;
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder, ignored))
    names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  if (const auto near = base::nearest(path.filename().string(), names)) {
    return "did you mean '" + (path.parent_path() / *near).string() + "'?";
  }
  return "give the path of a local file or folder; no hub is asked";
}

std::vector<fs::path> dataset_files(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code fault;
  for (const auto& entry : fs::directory_iterator(folder, fault)) {
    const bool hidden = entry.path().filename().string().starts_with('.');
    if (!hidden && !entry.is_directory() && is_dataset_file(entry.path())) files.push_back(entry.path());
  }
  if (fault) throw Error(ExitCode::data, "cannot read the directory: " + fault.message(), {folder.string()});
  if (files.empty()) {
    throw Error(ExitCode::data, "the directory holds no dataset file", {folder.string()},
                std::string("looked for ") + kKinds);
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

void read_jsonl(const fs::path& path, const RecordSink& sink) {
  std::ifstream file(path);
  if (!file)
    throw Error(ExitCode::data, std::string("cannot open: ") + std::strerror(errno), {path.string()});
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    const std::string_view text = number == 1 ? without_bom(line) : std::string_view(line);
    if (blank(text)) continue;
    Record record{base::parse_json(text, path.string(), ExitCode::data, number), {path.string(), number}};
    if (!record.value.is_object()) {
      throw Error(ExitCode::data, "the line is no JSON object", record.where,
                  "write one {\"key\": value} object a line");
    }
    sink(std::move(record));
  }
  if (file.bad()) throw Error(ExitCode::data, "cannot read", {path.string()});
}

void read_text(const fs::path& path, const RecordSink& sink) {
  const std::string bytes = base::read_file(path);
  const std::string_view text = without_bom(bytes);
  if (const size_t at = invalid_utf8(text); at != std::string_view::npos) {
    const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n');
    throw Error(ExitCode::data, "the text is not UTF-8", {path.string(), static_cast<int>(line)},
                "convert it, for example with iconv");
  }
  if (blank(text)) return;
  Record record{base::Json::object(), {path.string(), 1}};
  record.value["text"] = std::string(text);
  sink(std::move(record));
}

bool is_dataset_file(const fs::path& path) {
  const std::string extension = lower_extension(path);
  return extension == ".jsonl" || extension == ".ndjson" || extension == ".json" || extension == ".csv" ||
         extension == ".txt";
}

void read_records(const fs::path& path, const RecordSink& sink) {
  std::error_code fault;
  const fs::file_status status = fs::status(path, fault);
  if (!fs::exists(status))
    throw Error(ExitCode::data, "no such file or directory", {path.string()}, missing_hint(path));
  if (fs::is_directory(status)) {
    for (const fs::path& file : dataset_files(path)) read_records(file, sink);
    return;
  }
  const std::string extension = lower_extension(path);
  if (extension == ".jsonl" || extension == ".ndjson") return read_jsonl(path, sink);
  if (extension == ".json") return read_json_records(path, sink);
  if (extension == ".csv") return read_csv(path, sink);
  if (extension == ".txt") return read_text(path, sink);
  throw Error(ExitCode::data, "unknown kind of dataset file '" + extension + "'", {path.string()},
              std::string("accepted: ") + kKinds);
}

}  // namespace swift::data
