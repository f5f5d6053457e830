#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>

#include "data/readers.h"
#include "data/utf8.h"

namespace swift::data {
using base::Error;
using base::ExitCode;
namespace {

class CsvReader {
 public:
  CsvReader(std::istream& in, std::string file) : in_(*in.rdbuf()), file_(std::move(file)) {
    if (in_.sgetc() == 0xEF) {
      std::string mark;
      while (mark.size() < 3 && in_.sgetc() != kEnd) mark.push_back(static_cast<char>(in_.sbumpc()));
      if (mark != "\xEF\xBB\xBF") throw Error(ExitCode::data, "the text is not UTF-8", {file_, 1});
    }
  }

  // The fields of the next row; false at the end. Empty lines are skipped. row_line() is where it began.
  bool next(std::vector<std::string>& fields) {
    do {
      row_line_ = line_;
      if (in_.sgetc() == kEnd) return false;
      fields.clear();
      while (field(fields)) {
      }
    } while (fields.size() == 1 && fields[0].empty() && !was_quoted_);
    for (const std::string& value : fields) {
      if (invalid_utf8(value) != std::string_view::npos) {
        throw Error(ExitCode::data, "the row is not UTF-8", {file_, row_line_},
                    "convert it, for example with iconv");
      }
    }
    return true;
  }
  int row_line() const { return row_line_; }

 private:
  static constexpr int kEnd = std::char_traits<char>::eof();

  int take() {
    const int c = in_.sbumpc();
    if (c == '\n') ++line_;
    return c;
  }

  // Reads one field; true when another follows in this row.
  bool field(std::vector<std::string>& fields) {
    std::string value;
    was_quoted_ = in_.sgetc() == '"';
    if (was_quoted_) quoted(value);
    for (;;) {
      const int c = take();
      check_size(value);
      if (c == '\r' && (in_.sgetc() == '\n' || in_.sgetc() == kEnd)) continue;
      if (c == ',' || c == '\n' || c == kEnd) {
        fields.push_back(std::move(value));
        return c == ',';
      }
      if (was_quoted_) {
        throw Error(ExitCode::data, "text after a closing quote", {file_, row_line_},
                    "double the quotes inside a quoted field");
      }
      value.push_back(static_cast<char>(c));
    }
  }

  void check_size(const std::string& value) const {
    if (value.size() <= kMaxRecordBytes) return;
    throw Error(ExitCode::data, "a field is longer than " + std::to_string(kMaxRecordBytes >> 20) + " MiB",
                {file_, row_line_}, "split its text into several rows, or close its quote");
  }

  void quoted(std::string& value) {
    take();
    for (;;) {
      const int c = take();
      check_size(value);
      if (c == kEnd) throw Error(ExitCode::data, "a quoted field is not closed", {file_, row_line_});
      if (c == '"' && in_.sgetc() != '"') return;
      if (c == '"') take();
      value.push_back(static_cast<char>(c));
    }
  }

  std::streambuf& in_;
  std::string file_;
  int line_ = 1;
  int row_line_ = 1;
  bool was_quoted_ = false;
};

}  // namespace

void read_csv(const std::filesystem::path& path, const RecordSink& sink) {
  std::ifstream file(path, std::ios::binary);
  if (!file)
    throw Error(ExitCode::data, std::string("cannot open: ") + std::strerror(errno), {path.string()});
  CsvReader reader(file, path.string());
  std::vector<std::string> header;
  if (!reader.next(header)) return;
  for (size_t i = 0; i < header.size(); ++i) {
    for (size_t k = 0; k < i; ++k) {
      if (header[k] == header[i]) {
        throw Error(ExitCode::data, "the column '" + header[i] + "' appears twice",
                    {path.string(), reader.row_line()});
      }
    }
  }
  std::vector<std::string> fields;
  while (reader.next(fields)) {
    const base::Location where{path.string(), reader.row_line()};
    if (fields.size() != header.size()) {
      throw Error(ExitCode::data,
                  "the row has " + std::to_string(fields.size()) + " fields, the header has " +
                      std::to_string(header.size()),
                  where, "quote fields that hold commas or newlines");
    }
    Record record{base::Json::object(), where};
    for (size_t i = 0; i < header.size(); ++i) record.value[header[i]] = std::move(fields[i]);
    sink(std::move(record));
  }
}

}  // namespace swift::data
