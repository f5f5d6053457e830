#include "config/fields.h"

namespace swift::config {

std::vector<Field> fields(Task& task) {
  FieldList list;
  model_fields(list, task);
  data_fields(list, task);
  tuner_fields(list, task);
  train_fields(list, task);
  preference_fields(list, task);
  grpo_fields(list, task);
  infer_fields(list, task);
  serve_fields(list, task);
  export_fields(list, task);
  return list.take();
}

}  // namespace swift::config
