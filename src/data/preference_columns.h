// The columns of preference data: the worse answer of a pair, KTO's label, the reward model's margin.
#pragma once
#include "data/sample.h"

namespace swift::data {

// Fills row.rejected, row.label and row.margin from a record whose columns have the schemas' names, after
// row.messages. Throws Error(data) at the row for columns of a wrong form.
void read_preference(const base::Json& record, Row& row);

}  // namespace swift::data
