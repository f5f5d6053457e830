#include "infer/rows.h"

#include <map>
#include <string>

#include "base/error.h"
#include "base/json.h"
#include "data/load.h"

namespace swift::infer {
namespace {

std::map<std::string, std::string> parse_columns(const std::string& text) {
  std::map<std::string, std::string> renames;
  if (text.empty()) return renames;
  const base::Json object = base::parse_json(text, "columns", base::ExitCode::usage);
  const auto fail = [] {
    throw base::Error(base::ExitCode::usage, "columns: expected a JSON object {from: to} of names");
  };
  if (!object.is_object()) fail();
  for (const auto& [from, to] : object.items()) {
    if (!to.is_string()) fail();
    renames[from] = to.get<std::string>();
  }
  return renames;
}

}  // namespace

std::vector<data::Row> read_rows(const config::Task& task) {
  data::LoadOptions options;
  options.schema = {.pretrain = true, .keep_columns = true, .columns = parse_columns(task.columns)};
  options.strict = true;  // a dropped row would shift every later answer
  options.shuffle = false;
  return data::load_rows({task.infer_input.value_or("")}, options);
}

}  // namespace swift::infer
