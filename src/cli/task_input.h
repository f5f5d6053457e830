// A task from the words after a verb and the environment, with warnings on stderr.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "config/load.h"

namespace swift::cli {

// Reads, checks and resolves. `complete`: the settings the verb cannot do without must be there as well.
// Throws config::ConfigError with every fault.
config::Task read_task(std::string_view verb, const std::vector<std::string>& words, bool complete = false);

// The words as a request with this process's environment.
config::Request request_of(const std::vector<std::string>& words);

}  // namespace swift::cli
