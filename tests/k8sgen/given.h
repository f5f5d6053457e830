// Manifests of a task given as text, or the report of its faults.
#pragma once
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <string>

#include "config/load.h"
#include "config/resolve.h"
#include "k8sgen/emit.h"
#include "k8sgen/manifests.h"

namespace swift::k8sgen {

namespace fs = std::filesystem;

inline fs::path task_file(const std::string& yaml) {
  const fs::path directory = fs::temp_directory_path() / ("swift-k8sgen-" + std::to_string(getpid()));
  fs::create_directories(directory);
  std::ofstream(directory / "task.yaml", std::ios::binary) << yaml;
  return directory / "task.yaml";
}

inline std::vector<Object> of_file(const fs::path& path, const Options& options = {},
                                   std::vector<std::string> flags = {}) {
  config::Request request;
  request.arguments = std::move(flags);
  request.arguments.push_back("--config=" + path.string());
  config::Report report;
  config::Task task = config::load(request, report).task;
  config::resolve(task, "deploy");
  std::vector<Object> made = manifests(task, options, report);
  report.throw_if_any();
  return made;
}

inline std::vector<Object> of(const std::string& yaml, const Options& options = {},
                              std::vector<std::string> flags = {}) {
  return of_file(task_file(yaml), options, std::move(flags));
}

// The whole report without the directory; empty when there was no fault.
inline std::string fault_of(const std::string& yaml, const Options& options = {}) {
  try {
    of(yaml, options);
    return "";
  } catch (const base::Error& error) {
    std::string text = error.what();
    const std::string directory = task_file(yaml).parent_path().string() + "/";
    for (size_t at = 0; (at = text.find(directory)) != std::string::npos;) text.erase(at, directory.size());
    return text;
  }
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// The first object of a kind; the test fails when there is none.
inline Node the(const std::vector<Object>& objects, const std::string& kind, const std::string& suffix = "") {
  for (const Object& object : objects) {
    if (object.kind() == kind && object.name().ends_with(suffix)) return object.root;
  }
  FAIL("no " << kind << " " << suffix);
  return Node::map();
}

inline bool has(const std::vector<Object>& objects, const std::string& kind) {
  for (const Object& object : objects) {
    if (object.kind() == kind) return true;
  }
  return false;
}

// A node by keys and list indexes: "spec.template.spec.containers.0.image".
inline const Node& at(const Node& root, const std::string& path) {
  const Node* node = &root;
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('.', begin), path.size());
    const std::string part = path.substr(begin, end - begin);
    node = node->is_list() ? &node->items().at(std::stoul(part)) : node->find(part);
    if (node == nullptr) FAIL("no " << part << " in " << path);
    begin = end + 1;
  }
  return *node;
}

// The value of an environment variable of the first container of a pod template; "field:PATH" for a field.
inline std::string variable_of(const Node& pod, const std::string& name) {
  for (const Node& entry : at(pod, "spec.containers.0.env").items()) {
    if (entry.text_at("name") != name) continue;
    const std::string field = entry.text_at("valueFrom.fieldRef.fieldPath");
    return field.empty() ? entry.text_at("value") : "field:" + field;
  }
  return "absent";
}

inline std::string words(const Node& list) {
  std::string text;
  for (const Node& item : list.items()) text += (text.empty() ? "" : " ") + item.text();
  return text;
}

}  // namespace swift::k8sgen
