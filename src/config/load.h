// A task from its sources, by precedence: flag > SWIFT_<KEY> > file > default.
#pragma once
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/field.h"
#include "config/report.h"
#include "config/task.h"

namespace swift::config {

struct Request {
  std::vector<std::string> arguments;              // after the verb
  std::map<std::string, std::string> environment;  // names that begin with SWIFT_
  std::vector<Field> options;                      // flags of the command beside those of the task
  bool first_is_task = true;                       // the first positional argument is the task file
  size_t max_positional = 0;                       // further positional arguments
};

struct Loaded {
  Task task;
  std::vector<std::string> positional;  // without the task file
  std::vector<std::string> warnings;    // deprecated names, likely slips in the environment
  bool help = false;                    // --help was given; nothing else was then checked
};

// Reads and checks everything; faults go to the report, for a caller that looks for more of them. Throws
// Error(usage) when the file cannot be read.
Loaded load(const Request& request, Report& report);

// The same; throws ConfigError with all faults.
Loaded load(const Request& request);

// A file alone.
Task load_file(const std::filesystem::path& path);

// The variables of this process whose names begin with SWIFT_.
std::map<std::string, std::string> swift_environment();

}  // namespace swift::config
