// Loads a task from texts, without the process's environment.
#pragma once
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "config/load.h"
#include "config/report.h"
#include "config/resolve.h"

namespace swift::config {

namespace fs = std::filesystem;

// A file of this process's own, replaced by the next call with the same name.
inline fs::path given_file(const std::string& name, const std::string& text) {
  const fs::path directory = fs::temp_directory_path() / ("swift-config-" + std::to_string(getpid()));
  fs::create_directories((directory / name).parent_path());
  std::ofstream(directory / name, std::ios::binary) << text;
  return directory / name;
}

inline Loaded given(const std::string& yaml, std::vector<std::string> flags = {},
                    std::map<std::string, std::string> environment = {}) {
  Request request;
  request.arguments = std::move(flags);
  request.arguments.push_back("--config=" + given_file("task.yaml", yaml).string());
  request.environment = std::move(environment);
  return load(request);
}

// The report without the directory of the file; empty when there was no fault.
inline std::string fault_of(const std::string& yaml, std::vector<std::string> flags = {},
                            std::map<std::string, std::string> environment = {}) {
  try {
    given(yaml, std::move(flags), std::move(environment));
    return "";
  } catch (const ConfigError& error) {
    std::string text = error.what();
    const std::string directory = given_file("task.yaml", yaml).parent_path().string() + "/";
    for (size_t at = 0; (at = text.find(directory)) != std::string::npos;) text.erase(at, directory.size());
    return text;
  }
}

// A task as the verb resolves it; and the message of the error that training throws there.
inline Task resolved(const std::string& yaml, const std::string& verb = "train",
                     std::vector<std::string>* warnings = nullptr) {
  Task task = given(yaml).task;
  const std::vector<std::string> said = resolve(task, verb);
  if (warnings != nullptr) *warnings = said;
  return task;
}
inline std::string error_of(const std::string& yaml) {
  try {
    resolved(yaml);
  } catch (const base::Error& error) {
    return error.message();
  }
  return "no error";
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}
inline bool mentions(const std::string& text, const std::string& a, const std::string& b) {
  return contains(text, a) && contains(text, b);
}

}  // namespace swift::config
