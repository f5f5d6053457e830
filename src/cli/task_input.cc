#include "cli/task_input.h"

#include "base/log.h"
#include "config/resolve.h"

namespace swift::cli {

config::Request request_of(const std::vector<std::string>& words) {
  config::Request request;
  request.arguments = words;
  request.environment = config::swift_environment();
  // SWIFT_LOG_LEVEL belongs to the logger.
  request.environment.erase("SWIFT_LOG_LEVEL");
  return request;
}

config::Task read_task(std::string_view verb, const std::vector<std::string>& words, bool complete) {
  config::Report report;
  config::Loaded loaded = config::load(request_of(words), report);
  for (const std::string& warning : loaded.warnings) base::log::warn(warning);
  try {
    for (const std::string& warning : config::resolve(loaded.task, verb)) base::log::warn(warning);
  } catch (const base::Error& error) {
    report.add(error);
  }
  if (complete) config::require(loaded.task, verb, report);
  report.throw_if_any();
  return std::move(loaded.task);
}

}  // namespace swift::cli
