#include "config/load.h"

#include <unistd.h>

#include <algorithm>

#include "base/file.h"
#include "base/suggest.h"
#include "config/deploy.h"
#include "config/fields.h"
#include "config/flags.h"
#include "config/names.h"

namespace swift::config {
namespace {

constexpr std::string_view kPrefix = "SWIFT_";
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";  // some editors put it before UTF-8
// Variables with another meaning than a setting of the task.
constexpr std::string_view kOtherVariables[] = {"SWIFT_LOG_LEVEL", "SWIFT_DEBUG", "SWIFT_TIMEOUT",
                                                "SWIFT_API_KEY"};

std::string variable_of(std::string_view key) {
  std::string name(kPrefix);
  for (const char c : key) name += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

class Loader {
 public:
  Loader(const Request& request, Report& report)
      : request_(request), fields_(fields(out_.task)), report_(report) {
    known_ = fields_;
    known_.insert(known_.end(), request.options.begin(), request.options.end());
  }

  Loaded run() {
    Arguments arguments = parse_arguments(request_.arguments, known_, report_);
    out_.help = arguments.help;
    if (out_.help) return std::move(out_);
    out_.positional = std::move(arguments.positional);
    if (const auto path = task_file(arguments)) read(*path);
    environment();
    for (const auto& [key, raw] : arguments.values) store(*find(known_, key), raw);
    for (const auto& [path, node] : arguments.deploy) {
      set_deploy(path, node, arguments.deploy_origins.at(path));
    }
    read_deploy(out_.task, report_);
    out_.warnings.insert(out_.warnings.end(), arguments.warnings.begin(), arguments.warnings.end());
    return std::move(out_);
  }

 private:
  std::optional<std::string> task_file(const Arguments& arguments) {
    std::optional<std::string> path = arguments.config;
    if (request_.first_is_task && !path && !out_.positional.empty()) {
      path = out_.positional.front();
      out_.positional.erase(out_.positional.begin());
    }
    for (size_t i = request_.max_positional; i < out_.positional.size(); ++i) {
      report_.add({Origin::of_flag(out_.positional[i]), 1, "unexpected argument"});
    }
    return path;
  }

  void store(const Field& field, const RawValue& raw) {
    // A refused value counts as given: it is not also missing.
    assign(field, raw, report_);
    if (find(fields_, field.key) != nullptr)
      out_.task.origins.insert_or_assign(std::string(field.key), raw.origin);
  }

  void read(const std::string& path) {
    std::string text = base::read_file(path, base::ExitCode::usage);
    if (text.compare(0, kByteOrderMark.size(), kByteOrderMark) == 0) text.erase(0, kByteOrderMark.size());
    report_.add_source(path, text);
    const YamlNode root = parse_yaml(text, path, report_);
    if (root.kind == YamlNode::Kind::null) return;
    if (root.kind != YamlNode::Kind::map) {
      report_.add({Origin::in_file(root.where), root.length, "a task is a map of 'key: value' lines"});
      return;
    }
    for (const YamlEntry& entry : root.entries) read_entry(entry);
  }

  void read_entry(const YamlEntry& entry) {
    const std::string& key = entry.key.text;
    const Origin origin = Origin::in_file(entry.key.where);
    if (key == "deploy") return take_deploy(entry.value);
    const Field* field = find(fields_, key);
    if (field == nullptr) {
      if (const Alias* alias = find_alias(key)) {
        field = find(fields_, alias->key);
        if (alias->deprecated) {
          out_.warnings.push_back(origin.str() + ": warning: deprecated key '" + key + "'; use '" +
                                  std::string(alias->key) + "'");
        }
      }
    }
    if (field == nullptr) {
      const auto refused = refusal(key);
      report_.add({origin, entry.key.length, refused ? *refused : unknown_name("key", key, fields_)});
    } else if (const auto [first, fresh] = spelling_.emplace(field->key, key);
               !fresh && first->second != key) {
      report_.add(
          {origin, entry.key.length, "'" + key + "' and '" + first->second + "' are the same setting"});
    } else {
      RawValue raw = raw_value(entry.value, report_, key);
      // A null has no text of its own to point at.
      if (raw.kind == RawValue::Kind::null) raw.origin = origin, raw.length = entry.key.length;
      store(*field, raw);
    }
  }

  void take_deploy(const YamlNode& node) {
    if (node.kind == YamlNode::Kind::null) return;
    if (node.kind != YamlNode::Kind::map) {
      report_.add({Origin::in_file(node.where), node.length, "deploy: must be a map"});
      return;
    }
    out_.task.deploy.value = to_json(node);
    places(node, "");
    out_.task.origins.insert_or_assign("deploy", Origin::in_file(node.where));
  }

  void places(const YamlNode& node, const std::string& pointer) {
    out_.task.deploy.where[pointer] = node.where;
    if (node.kind == YamlNode::Kind::scalar) out_.task.deploy.text[pointer] = node.text;
    for (size_t i = 0; i < node.items.size(); ++i) places(node.items[i], pointer + "/" + std::to_string(i));
    for (const YamlEntry& entry : node.entries) {
      const std::string inner = pointer + "/" + pointer_part(entry.key.text);
      places(entry.value, inner);
      // An unknown key is shown at the key, not at its value.
      out_.task.deploy.where[inner] = entry.key.where;
    }
  }

  void set_deploy(const std::string& path, const YamlNode& node, const Origin& origin) {
    base::Json* at = &out_.task.deploy.value;
    std::string pointer;
    size_t begin = 0;
    while (begin <= path.size()) {
      const size_t end = std::min(path.find('.', begin), path.size());
      const std::string part = path.substr(begin, end - begin);
      if (!at->is_object()) *at = base::Json::object();
      at = &(*at)[part];
      pointer += '/';
      pointer += pointer_part(part);
      begin = end + 1;
    }
    forget(pointer);
    *at = to_json(node);
    out_.task.deploy.where[pointer] = {origin.name};
    texts(node, pointer);
    out_.task.origins.insert_or_assign("deploy", origin);
  }

  // What stood below a part that a flag replaces.
  void forget(const std::string& pointer) {
    const auto below = [&](const auto& entry) {
      return entry.first == pointer || entry.first.compare(0, pointer.size() + 1, pointer + "/") == 0;
    };
    std::erase_if(out_.task.deploy.where, below);
    std::erase_if(out_.task.deploy.text, below);
  }

  void texts(const YamlNode& node, const std::string& pointer) {
    if (node.kind == YamlNode::Kind::scalar) out_.task.deploy.text[pointer] = node.text;
    for (size_t i = 0; i < node.items.size(); ++i) texts(node.items[i], pointer + "/" + std::to_string(i));
    for (const YamlEntry& entry : node.entries)
      texts(entry.value, pointer + "/" + pointer_part(entry.key.text));
  }

  void environment() {
    for (const auto& [name, value] : request_.environment) {
      const auto field = std::find_if(fields_.begin(), fields_.end(), [wanted = name](const Field& f) {
        return variable_of(f.key) == wanted;
      });
      if (field == fields_.end()) {
        warn_variable(name);
        continue;
      }
      // Kubernetes gives every pod the address of a Service called swift under this name.
      if (field->key == "port" && value.starts_with("tcp://")) continue;
      store(*field, variable_value(name, value, *field));
    }
  }

  RawValue variable_value(const std::string& name, const std::string& value, const Field& field) {
    const Origin origin = Origin::in_environment(name);
    if (field.kind() == Kind::list && value.compare(0, 1, "[") == 0) {
      Report faults;
      const YamlNode node = parse_yaml(value, name, faults);
      if (faults.empty() && node.kind == YamlNode::Kind::list) {
        return raw_value(node, report_, std::string(field.key), &origin);
      }
    }
    RawValue raw;
    raw.origin = origin;
    raw.kind = field.optional() && value.empty() ? RawValue::Kind::null : RawValue::Kind::scalar;
    raw.items = {{value, origin}};
    return raw;
  }

  // Kubernetes injects SWIFT_SERVICE_HOST and the like, so only a likely slip is worth a word.
  void warn_variable(const std::string& name) {
    if (std::find(std::begin(kOtherVariables), std::end(kOtherVariables), name) != std::end(kOtherVariables))
      return;
    std::vector<std::string> names;
    for (const Field& field : fields_) names.push_back(variable_of(field.key));
    const auto near = base::nearest(name, names);
    if (near && base::edit_distance(name, *near) <= 2) {
      out_.warnings.push_back(name + ": warning: no such setting; did you mean " + *near + "?");
    }
  }

  const Request& request_;
  Loaded out_;
  std::vector<Field> fields_;                         // of out_.task
  std::vector<Field> known_;                          // and the command's own
  std::map<std::string_view, std::string> spelling_;  // of each key in the file
  Report& report_;
};

}  // namespace

Loaded load(const Request& request, Report& report) {
  return Loader(request, report).run();
}

Loaded load(const Request& request) {
  Report report;
  Loaded loaded = load(request, report);
  report.throw_if_any();
  return loaded;
}

Task load_file(const std::filesystem::path& path) {
  Request request;
  request.arguments = {"--config", path.string()};
  return load(request).task;
}

std::map<std::string, std::string> swift_environment() {
  std::map<std::string, std::string> found;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const size_t equals = text.find('=');
    if (equals != std::string_view::npos && text.substr(0, kPrefix.size()) == kPrefix) {
      found.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
  }
  return found;
}

}  // namespace swift::config
