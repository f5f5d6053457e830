// JSON files are cut into their records by a scan of brackets and strings, so that each record keeps its line
// and only one of them is held as a tree at a time.
#include <algorithm>
#include <string>
#include <string_view>

#include "base/file.h"
#include "data/readers.h"
#include "data/utf8.h"

namespace swift::data {
using base::Error;
using base::ExitCode;
namespace {

class JsonCutter {
 public:
  JsonCutter(std::string_view text, std::string file, const RawSink& sink)
      : text_(text), file_(std::move(file)), sink_(sink) {}

  void run() {
    skip_space();
    if (at_ == text_.size()) return;
    if (text_[at_] == '[') {
      elements();
      skip_space();
      if (at_ < text_.size()) fail("unexpected text after the array");
      return;
    }
    while (at_ < text_.size()) {
      object();
      skip_space();
    }
  }

 private:
  [[noreturn]] void fail(const std::string& what) {
    throw Error(ExitCode::data, "malformed JSON: " + what, {file_, line_},
                "a .json dataset is an array of objects, {\"data\": [...]}, or one object a line");
  }

  void step() {
    if (text_[at_] == '\n') ++line_;
    ++at_;
  }

  void skip_space() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos)
      step();
  }

  // The text of the value that starts here, brackets balanced; validity is left to the parser.
  std::string_view value() {
    const size_t begin = at_;
    size_t depth = 0;
    bool quoted = false;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (quoted) {
        if (c == '\\' && at_ + 1 < text_.size()) step();
        quoted = c != '"';
      } else if (c == '"') {
        quoted = true;
      } else if (c == '[' || c == '{') {
        ++depth;
      } else if (c == ']' || c == '}') {
        if (depth == 0) break;
        --depth;
      } else if (c == ',' && depth == 0) {
        break;
      }
      step();
      const bool closed = depth == 0 && !quoted;
      if (closed && (c == ']' || c == '}' || c == '"')) break;
    }
    return text_.substr(begin, at_ - begin);
  }

  void emit(std::string_view text, int line) {
    if (text.size() > kMaxRecordBytes) {
      throw Error(ExitCode::data,
                  "the record is longer than " + std::to_string(kMaxRecordBytes >> 20) + " MiB",
                  {file_, line}, "split its text into several rows");
    }
    sink_({std::string(text), {file_, line}});
  }

  void elements() {
    step();
    skip_space();
    if (at_ < text_.size() && text_[at_] == ']') return step();
    for (;;) {
      skip_space();
      const int line = line_;
      const std::string_view element = value();
      if (element.empty()) fail("a value is missing");
      emit(element, line);
      skip_space();
      if (at_ == text_.size()) fail("the array is not closed");
      const char next = text_[at_];
      if (next != ',' && next != ']') fail("',' or ']' is missing");
      step();
      if (next == ']') return;
    }
  }

  // One record, unless the object is {"data": [...]} (other keys beside "data" are metadata).
  void object() {
    if (text_[at_] != '{') fail("an object or an array was expected");
    const size_t begin = at_;
    const int line = line_;
    if (seek_data_array()) {
      elements();
      const std::string_view rest = close_object();
      base::parse_json("{\"data\":[]" + std::string(rest), file_, ExitCode::data, line_);
      return;
    }
    at_ = begin;
    line_ = line;
    emit(value(), line);
  }

  // Moves to the '[' of a "data" key of this object; false when it has none.
  bool seek_data_array() {
    step();
    for (;;) {
      skip_space();
      if (at_ >= text_.size() || text_[at_] != '"') return false;
      const std::string_view key = value();
      skip_space();
      if (at_ >= text_.size() || text_[at_] != ':') return false;
      step();
      skip_space();
      if (key == "\"data\"" && at_ < text_.size() && text_[at_] == '[') return true;
      value();
      skip_space();
      if (at_ >= text_.size() || text_[at_] != ',') return false;
      step();
    }
  }

  // The text from here to the end of the enclosing object.
  std::string_view close_object() {
    const size_t begin = at_;
    for (;;) {
      skip_space();
      if (at_ == text_.size()) fail("the object is not closed");
      if (text_[at_] == '}') break;
      if (text_[at_] == ',' || text_[at_] == ':') {
        step();
      } else if (value().empty()) {
        fail("unexpected character");
      }
    }
    step();
    return text_.substr(begin, at_ - begin);
  }

  std::string_view text_;
  std::string file_;
  const RawSink& sink_;
  size_t at_ = 0;
  int line_ = 1;
};

}  // namespace

Record parse_record(const RawRecord& raw) {
  Record record{base::parse_json(raw.text, raw.where.file, ExitCode::data, raw.where.line), raw.where};
  if (record.value.is_object()) return record;
  throw Error(ExitCode::data, "the record is no JSON object", record.where,
              "each row is an object like {\"messages\": [...]}");
}

void read_json_records(const std::filesystem::path& path, const RecordSink& sink) {
  read_json_raw(path, [&](RawRecord&& raw) { sink(parse_record(raw)); });
}

void read_json_raw(const std::filesystem::path& path, const RawSink& sink) {
  const base::MappedFile file = base::MappedFile::open(path, ExitCode::data);
  const std::string_view bytes(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  JsonCutter(without_bom(bytes), path.string(), sink).run();
}

}  // namespace swift::data
