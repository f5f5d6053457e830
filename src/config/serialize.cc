#include "config/serialize.h"

#include "base/hash.h"
#include "config/fields.h"
#include "config/value.h"

namespace swift::config {
namespace {

RawText raw_text(const base::Json& value, const Origin& origin) {
  return {value.is_string() ? value.get<std::string>() : value.dump(), origin, 1, false};
}

RawValue raw_value_of(const base::Json& value, const Origin& origin) {
  RawValue raw;
  raw.origin = origin;
  if (value.is_null()) return raw;
  if (value.is_object()) {
    raw.kind = RawValue::Kind::map, raw.map = value;
  } else if (value.is_array()) {
    raw.kind = RawValue::Kind::list;
    for (const base::Json& item : value) raw.items.push_back(raw_text(item, origin));
  } else {
    raw.kind = RawValue::Kind::scalar;
    raw.items = {raw_text(value, origin)};
  }
  return raw;
}

// A null leaves a field that cannot be unset alone: args.json of other programs writes null for defaults.
template <class Wanted>
void read_fields(Task& task, const base::Json& object, const Origin& origin, Wanted wanted) {
  Report report;
  for (const Field& field : fields(task)) {
    const auto found = object.find(std::string(field.key));
    if (found == object.end() || !wanted(field) || (found->is_null() && !field.optional())) continue;
    Origin named = origin;
    if (named.name.empty()) named.name = std::string(field.key);
    if (assign(field, raw_value_of(*found, named), report)) {
      task.origins.insert_or_assign(std::string(field.key), named);
    }
  }
  report.throw_if_any();
}

}  // namespace

base::Json to_json(Task task) {
  base::Json object = base::Json::object();
  for (const Field& field : fields(task)) {
    object[std::string(field.key)] = field.limits.secret ? base::Json(nullptr) : field.value();
  }
  if (!task.deploy.value.empty()) object["deploy"] = task.deploy.value;
  return object;
}

void from_json(Task& task, const base::Json& object, const Origin& origin) {
  read_fields(task, object, origin, [](const Field&) { return true; });
  const auto deploy = object.find("deploy");
  if (deploy != object.end() && deploy->is_object()) task.deploy.value = *deploy;
}

std::filesystem::path load_args(Task& task, const std::filesystem::path& checkpoint) {
  for (const std::filesystem::path& folder : {checkpoint, (checkpoint / "").parent_path().parent_path()}) {
    const std::filesystem::path file = folder / "args.json";
    std::error_code ignored;
    if (!std::filesystem::is_regular_file(file, ignored)) continue;
    const base::Json object = base::read_json(file, base::ExitCode::model);
    if (!object.is_object()) {
      throw base::Error(base::ExitCode::model, "args.json does not hold a JSON object", {file.string()});
    }
    read_fields(task, object, {Source::args_json, {file.string()}, {}},
                [&](const Field& field) { return field.limits.carried && !task.is_set(field.key); });
    return file;
  }
  return {};
}

std::string hash(const Task& task) {
  return base::fnv1a_hex(to_json(task).dump());
}

}  // namespace swift::config
