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

std::vector<fs::path> files_in(const fs::path& folder) {
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

// Lines without their end. A line that is too long is given as far as one byte above the limit, and the file
// is not read on.
class LineReader {
 public:
  explicit LineReader(std::istream& in) : in_(in), buffer_(size_t{1} << 20, '\0') {}

  bool next(std::string& line) {
    line.clear();
    bool any = false;
    while (line.size() <= kMaxRecordBytes) {
      if (at_ == end_ && !fill()) return any;
      any = true;
      const char* from = buffer_.data() + at_;
      const auto* stop = static_cast<const char*>(std::memchr(from, '\n', end_ - at_));
      const size_t size = stop == nullptr ? end_ - at_ : static_cast<size_t>(stop - from);
      line.append(from, std::min(size, kMaxRecordBytes + 1 - line.size()));
      at_ += size + (stop == nullptr ? 0 : 1);
      if (stop != nullptr) return true;
    }
    return true;
  }

 private:
  bool fill() {
    in_.read(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
    at_ = 0;
    end_ = static_cast<size_t>(in_.gcount());
    return end_ > 0;
  }

  std::istream& in_;
  std::string buffer_;
  size_t at_ = 0, end_ = 0;
};

}  // namespace

void read_jsonl(const fs::path& path, const RecordSink& sink) {
  read_jsonl_raw(path, [&](RawRecord&& raw) { sink(parse_record(raw)); });
}

void read_jsonl_raw(const fs::path& path, const RawSink& sink) {
  std::ifstream file(path, std::ios::binary);
  if (!file)
    throw Error(ExitCode::data, std::string("cannot open: ") + std::strerror(errno), {path.string()});
  LineReader lines(file);
  std::string line;
  for (int number = 1; lines.next(line); ++number) {
    const base::Location where{path.string(), number};
    if (line.size() > kMaxRecordBytes) {
      throw Error(ExitCode::data, "the line is longer than " + std::to_string(kMaxRecordBytes >> 20) + " MiB",
                  where, "split its text into several rows");
    }
    const std::string_view text = number == 1 ? without_bom(line) : std::string_view(line);
    if (!blank(text)) sink({std::string(text), where});
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

std::vector<fs::path> dataset_files(const fs::path& path) {
  std::error_code fault;
  const fs::file_status status = fs::status(path, fault);
  if (!fs::exists(status))
    throw Error(ExitCode::data, "no such file or directory", {path.string()}, missing_hint(path));
  if (fs::is_directory(status)) return files_in(path);
  if (is_dataset_file(path)) return {path};
  throw Error(ExitCode::data, "unknown kind of dataset file '" + lower_extension(path) + "'", {path.string()},
              std::string("accepted: ") + kKinds);
}

void read_records(const fs::path& path, const RecordSink& sink) {
  for (const fs::path& file : dataset_files(path)) {
    const std::string extension = lower_extension(file);
    if (extension == ".json")
      read_json_records(file, sink);
    else if (extension == ".csv")
      read_csv(file, sink);
    else if (extension == ".txt")
      read_text(file, sink);
    else
      read_jsonl(file, sink);
  }
}

void read_raw_records(const fs::path& path, const RawSink& sink) {
  for (const fs::path& file : dataset_files(path)) {
    const std::string extension = lower_extension(file);
    if (extension == ".txt") {
      throw Error(ExitCode::data, "a .txt file is one text and cannot be streamed", {file.string()},
                  "make a JSONL file of it, one {\"text\": ...} a row, or set streaming: false");
    }
    if (extension == ".json")
      read_json_raw(file, sink);
    else if (extension == ".csv")
      read_csv(file, [&](Record&& record) { sink({record.value.dump(), record.where}); });
    else
      read_jsonl_raw(file, sink);
  }
}

}  // namespace swift::data
