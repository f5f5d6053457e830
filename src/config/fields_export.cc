#include "config/fields.h"

namespace swift::config {

void export_fields(FieldList& v, Task& t) {
  v.group("Export", kExport);
  v("merge_lora", &t.merge_lora, {}, "Write the model with the adapters merged into its weights");
  v("exist_ok", &t.exist_ok, {}, "Write into a directory that already exists");
  v("group_size", &t.group_size, {.min = -1}, "Weights that share a scale; -1: a whole row");
}

}  // namespace swift::config
