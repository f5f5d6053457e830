// Dataset files as records, before their schema is known. Files are read as a stream: what is held is one
// record (JSONL, CSV) or a mapping of the file (JSON).
#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace swift::data {

// One JSON object, with the line at which it begins.
struct Record {
  base::Json value;
  base::Location where;
};
using RecordSink = std::function<void(Record&&)>;

// One record before it is parsed: the text of a JSON value.
struct RawRecord {
  std::string text;
  base::Location where;
};
using RawSink = std::function<void(RawRecord&&)>;

// Longest record, in bytes: what one row may make a reader hold.
constexpr size_t kMaxRecordBytes = size_t{64} << 20;

// Throws Error(data) with file:line:col for text that is no JSON object.
Record parse_record(const RawRecord& raw);

// One JSON object a line; blank lines are skipped. Throws Error(data) with file:line:col for a line that is
// no JSON object, or is longer than kMaxRecordBytes.
void read_jsonl(const std::filesystem::path& path, const RecordSink& sink);
void read_jsonl_raw(const std::filesystem::path& path, const RawSink& sink);

// An array of objects, {"data": [...]}, or objects one after another. Throws Error(data) with file:line:col,
// also for a record longer than kMaxRecordBytes.
void read_json_records(const std::filesystem::path& path, const RecordSink& sink);
void read_json_raw(const std::filesystem::path& path, const RawSink& sink);

// RFC 4180 with a header line; quoted fields may hold newlines. Every value is a string. Throws Error(data)
// with file:line for a row whose number of fields is not the header's, a stray quote, a field longer than
// kMaxRecordBytes, or bytes that are no UTF-8.
void read_csv(const std::filesystem::path& path, const RecordSink& sink);

// The whole file as one record {"text": ...}. Throws Error(data) with file:line for bytes that are no UTF-8.
void read_text(const std::filesystem::path& path, const RecordSink& sink);

// Whether the file's ending is one that read_records understands: .jsonl .ndjson .json .csv .txt.
bool is_dataset_file(const std::filesystem::path& path);

// Reads a file by its ending, or the dataset files of a directory in the order of their names. Throws
// Error(data): missing (with the nearest name beside it), unknown ending, a directory without dataset files.
void read_records(const std::filesystem::path& path, const RecordSink& sink);
// The same without parsing; rows of a CSV file become the text of a JSON object. A .txt file is refused: it
// is one record, which would have to be held as a whole.
void read_raw_records(const std::filesystem::path& path, const RawSink& sink);

// The files that read_records reads, in its order. Throws as it does.
std::vector<std::filesystem::path> dataset_files(const std::filesystem::path& path);

}  // namespace swift::data
