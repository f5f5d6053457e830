// The rows of infer_input.
#pragma once
#include <vector>

#include "config/task.h"
#include "data/sample.h"

namespace swift::infer {

// Every row of task.infer_input in its order ("path#N": the first N), with all its columns. A row of nothing
// but text is text to continue. Throws base::Error(data) at the first row that is malformed,
// base::Error(usage) when task.columns is no JSON object of names.
std::vector<data::Row> read_rows(const config::Task& task);

}  // namespace swift::infer
