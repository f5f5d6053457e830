// The table of all settings of a task.
#pragma once
#include <vector>

#include "config/field.h"
#include "config/task.h"

namespace swift::config {

// In the order of help, dumps and args.json. The pointers lead into `task`, which must outlive the list.
std::vector<Field> fields(Task& task);

// The parts of the table, one file each.
void model_fields(FieldList& v, Task& t);
void data_fields(FieldList& v, Task& t);
void tuner_fields(FieldList& v, Task& t);
void train_fields(FieldList& v, Task& t);
void preference_fields(FieldList& v, Task& t);
void grpo_fields(FieldList& v, Task& t);
void infer_fields(FieldList& v, Task& t);
void serve_fields(FieldList& v, Task& t);
void export_fields(FieldList& v, Task& t);

}  // namespace swift::config
