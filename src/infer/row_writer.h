// JSONL rows that become ready in any order, written in theirs.
#pragma once
#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <map>
#include <optional>
#include <string>

#include "base/json.h"

namespace swift::infer {

// A file appears under its own name when commit() is called; until then each row, as soon as those before it
// are there, stands in "<name>.partial" beside it, so a run that dies leaves its finished rows there. A path
// that is no regular file (a pipe, /dev/stdout) and a stream get the rows directly.
class RowWriter {
 public:
  explicit RowWriter(std::ostream& out);
  // Creates parent folders. Throws base::Error(failure) when it cannot be written.
  explicit RowWriter(const std::filesystem::path& path);
  RowWriter(const RowWriter&) = delete;
  RowWriter& operator=(const RowWriter&) = delete;
  ~RowWriter();

  // Indices count from 0, each once. Throws base::Error(failure): a full disk.
  void put(uint64_t index, const base::Json& row);
  // Writes the rows whose predecessors never came, in order, syncs and renames. Throws base::Error(failure).
  void commit();
  // Where rows are before commit(); empty when they go nowhere else.
  const std::filesystem::path& partial_path() const { return working_; }
  uint64_t written() const { return written_; }

 private:
  void write_line(const std::string& line);

  std::ostream* out_ = nullptr;
  int fd_ = -1;
  std::filesystem::path final_;
  std::filesystem::path working_;
  std::map<uint64_t, std::string> ready_;  // rows that wait for an earlier one
  uint64_t next_ = 0;
  uint64_t written_ = 0;
};

}  // namespace swift::infer
