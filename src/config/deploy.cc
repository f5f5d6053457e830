#include "config/deploy.h"

#include <algorithm>
#include <charconv>

#include "base/suggest.h"
#include "config/deploy_table.h"

namespace swift::config {
namespace {

using base::Json;

// "/service/port" as "deploy.service.port".
std::string dotted(const std::string& pointer) {
  std::string text = "deploy" + pointer;
  std::replace(text.begin(), text.end(), '/', '.');
  for (size_t at = 0; (at = text.find("~1", at)) != std::string::npos;) text.replace(at, 2, "/");
  for (size_t at = 0; (at = text.find("~0", at)) != std::string::npos;) text.replace(at, 2, "~");
  return text;
}

class Reader {
 public:
  Reader(const Task& task, Report& report) : task_(task), report_(report) {}

  void section(const std::vector<DeployRow>& rows, const Json& json, const std::string& pointer) {
    if (!json.is_object()) return fault(pointer, "must be a map of settings");
    for (const auto& [key, value] : json.items()) {
      const std::string inner = pointer + "/" + pointer_part(key);
      const auto row =
          std::find_if(rows.begin(), rows.end(), [&k = key](const DeployRow& r) { return r.key == k; });
      if (row == rows.end())
        unknown(rows, key, inner);
      else
        read(*row, value, inner);
    }
    for (const DeployRow& row : rows) {
      if (row.bounds.required && (!json.contains(row.key) || json.at(std::string(row.key)).is_null()))
        fault(pointer, "needs " + std::string(row.key));
    }
  }

 private:
  void read(const DeployRow& row, const Json& value, const std::string& pointer) {
    if (value.is_null()) return;  // as if it were absent
    if (row.is_section()) {
      *row.given = true;
      section(row.rows, value, pointer);
    } else if (row.is_records()) {
      if (!value.is_array()) return fault(pointer, "must be a list of maps");
      for (size_t i = 0; i < value.size(); ++i)
        section(row.element(), value[i], pointer + "/" + std::to_string(i));
    } else {
      std::visit([&](auto* slot) { store(row, *slot, value, pointer); }, visited(row.slot));
    }
  }

  // The slot without its empty alternative, which sections and lists of sections have.
  using Filled =
      std::variant<std::string*, std::optional<std::string>*, bool*, int64_t*, std::optional<int64_t>*,
                   std::vector<std::string>*, StringMap*, std::optional<StringMap>*>;
  static Filled visited(const DeployRow::Slot& slot) {
    return std::visit(
        [](auto held) -> Filled {
          if constexpr (std::is_same_v<decltype(held), std::monostate>)
            throw std::logic_error("a row of the deploy table has no place");
          else
            return held;
        },
        slot);
  }

  template <class T>
  void store(const DeployRow& row, std::optional<T>& slot, const Json& value, const std::string& pointer) {
    T read{};
    store(row, read, value, pointer);
    slot = std::move(read);
  }

  void store(const DeployRow& row, std::string& slot, const Json& value, const std::string& pointer) {
    const auto text = scalar(row, value, pointer);
    if (!text) return;
    const auto& allowed = row.bounds.one_of;
    if (!allowed.empty() && std::find(allowed.begin(), allowed.end(), *text) == allowed.end()) {
      std::vector<std::string> names(allowed.begin(), allowed.end());
      const auto near = base::nearest(*text, names);
      return fault(pointer, "'" + *text + "' is not " + expectation(row) +
                                (near ? "; did you mean '" + *near + "'?" : ""));
    }
    slot = *text;
  }

  void store(const DeployRow& row, bool& slot, const Json& value, const std::string& pointer) {
    const auto text = scalar(row, value, pointer);
    if (!text) return;
    if (*text != "true" && *text != "false")
      return fault(pointer, "'" + *text + "' is neither true nor false");
    slot = *text == "true";
  }

  void store(const DeployRow& row, int64_t& slot, const Json& value, const std::string& pointer) {
    const auto text = scalar(row, value, pointer);
    if (!text) return;
    int64_t number = 0;
    const char* end = text->data() + text->size();
    const auto read = std::from_chars(text->data(), end, number);
    if (read.ec != std::errc() || read.ptr != end) return fault(pointer, "'" + *text + "' is not an integer");
    if (number < row.bounds.min) return fault(pointer, *text + " is below " + std::to_string(row.bounds.min));
    if (number > row.bounds.max) return fault(pointer, *text + " is above " + std::to_string(row.bounds.max));
    slot = number;
  }

  void store(const DeployRow& row, std::vector<std::string>& slot, const Json& value,
             const std::string& pointer) {
    slot.clear();
    if (!value.is_array()) {
      if (const auto text = scalar(row, value, pointer)) slot.push_back(*text);
      return;
    }
    for (size_t i = 0; i < value.size(); ++i) {
      if (const auto text = scalar(row, value[i], pointer + "/" + std::to_string(i))) slot.push_back(*text);
    }
  }

  void store(const DeployRow& row, StringMap& slot, const Json& value, const std::string& pointer) {
    slot.clear();
    if (!value.is_object()) return fault(pointer, "must be " + expectation(row));
    for (const auto& [key, item] : value.items()) {
      if (const auto text = scalar(row, item, pointer + "/" + pointer_part(key)))
        slot.emplace_back(key, *text);
    }
  }

  // A scalar as it stands in the file: 0777 and 1.10 stay themselves.
  std::optional<std::string> scalar(const DeployRow& row, const Json& value, const std::string& pointer) {
    if (value.is_structured() || value.is_null()) {
      fault(pointer, value.is_null() ? "has no value" : "must be " + expectation(row));
      return std::nullopt;
    }
    const auto found = task_.deploy.text.find(pointer);
    if (found != task_.deploy.text.end()) return found->second;
    return value.is_string() ? value.get<std::string>() : value.dump();
  }

  void unknown(const std::vector<DeployRow>& rows, const std::string& key, const std::string& pointer) {
    std::vector<std::string> names;
    for (const DeployRow& row : rows) names.emplace_back(row.key);
    const auto near = base::nearest(key, names);
    report_.add({origin_of_setting(task_, "/deploy" + pointer), static_cast<int>(key.size()),
                 "unknown key '" + dotted(pointer) + "'" + (near ? "; did you mean '" + *near + "'?" : "")});
  }

  void fault(const std::string& pointer, const std::string& message) {
    report_.add({origin_of_setting(task_, "/deploy" + pointer), 1, dotted(pointer) + ": " + message});
  }

  const Task& task_;
  Report& report_;
};

}  // namespace

std::string pointer_part(std::string_view key) {
  std::string escaped;
  for (const char c : key) {
    if (c == '~')
      escaped += "~0";
    else if (c == '/')
      escaped += "~1";
    else
      escaped += c;
  }
  return escaped;
}

Origin origin_of_setting(const Task& task, const std::string& pointer) {
  static constexpr std::string_view kDeploy = "/deploy";
  const auto known = [&](const std::string& key) {
    const auto found = task.origins.find(key);
    return found == task.origins.end() ? Origin{} : found->second;
  };
  if (pointer.compare(0, 2, "--") == 0) return Origin::of_flag(pointer);
  if (pointer.compare(0, kDeploy.size(), kDeploy) != 0)
    return known(pointer.empty() ? "" : pointer.substr(1));
  std::string inner = pointer.substr(kDeploy.size());
  while (!inner.empty()) {
    const auto found = task.deploy.where.find(inner);
    if (found != task.deploy.where.end()) {
      // A flag has a name and no line.
      return found->second.line == 0 ? Origin::of_flag(found->second.file) : Origin::in_file(found->second);
    }
    inner.erase(inner.rfind('/'));
  }
  return known("deploy");
}

Deploy read_deploy(const Task& task, Report& report) {
  Deploy deploy;
  if (task.deploy.value.empty()) return deploy;
  deploy.given = true;
  Reader(task, report).section(deploy_rows(deploy), task.deploy.value, "");
  return deploy;
}

}  // namespace swift::config
