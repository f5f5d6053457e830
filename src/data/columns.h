// Column names of datasets, mapped to the ones that the schemas use (ms-swift's automatic map).
#pragma once
#include <map>
#include <string>

#include "base/json.h"

namespace swift::data {

// Renames the columns of one record: first `renames` (from -> to; the user's "columns"), then the known
// aliases, compared without case: system, query, response, messages, tools. When two columns would become the
// same one, neither is renamed; a column that already has the name keeps it.
base::Json map_columns(base::Json record, const std::map<std::string, std::string>& renames);

// "a, b, c": the columns of a record, for errors.
std::string column_list(const base::Json& record);

}  // namespace swift::data
