#include "data/dataset_spec.h"

#include <charconv>
#include <filesystem>

#include "base/error.h"

namespace swift::data {
using base::Error;
using base::ExitCode;

DatasetSpec parse_dataset_spec(const std::string& text) {
  if (text.starts_with("hf::") || text.starts_with("ms::") || text.starts_with("HF::") ||
      text.starts_with("MS::")) {
    throw Error(ExitCode::data, "dataset '" + text + "' is a hub id, and no network is touched", {},
                "download it and give the path of its JSONL, JSON or CSV files");
  }
  const size_t mark = text.rfind('#');
  std::error_code ignored;
  if (mark == std::string::npos || std::filesystem::exists(text, ignored)) return {text, std::nullopt};
  uint32_t rows = 0;
  const char* end = text.data() + text.size();
  const auto [stop, fault] = std::from_chars(text.data() + mark + 1, end, rows);
  if (fault != std::errc() || stop != end || rows == 0) {
    throw Error(ExitCode::data, "dataset '" + text + "': a number of rows above 0 was expected after '#'", {},
                "write path#500 for 500 rows");
  }
  return {text.substr(0, mark), rows};
}

std::vector<uint32_t> chosen_rows(uint32_t available, uint32_t wanted, bool shuffle,
                                  const base::Stream& stream) {
  std::vector<uint32_t> rows;
  rows.reserve(wanted);
  while (wanted - rows.size() >= available) {
    for (uint32_t i = 0; i < available; ++i) rows.push_back(i);
  }
  if (rows.size() == wanted) return rows;
  const std::vector<uint32_t> order =
      shuffle ? base::permutation(available, stream) : std::vector<uint32_t>();
  for (uint32_t i = 0; rows.size() < wanted; ++i) rows.push_back(shuffle ? order[i] : i);
  return rows;
}

}  // namespace swift::data
