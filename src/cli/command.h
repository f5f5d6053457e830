// What a command is: a row of the table in commands.cc and one function in a file of its own.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace swift::cli {

// The words after the verb. Returns the exit code; throws base::Error.
using Run = int (*)(std::string_view verb, const std::vector<std::string>& words);

struct Command {
  std::string_view name;
  std::string_view summary;
  Run run;
  unsigned readers = 0;         // config::Readers whose settings --help shows
  std::string_view usage = "";  // after "swift <name>"
  std::string_view examples = "";
  std::string_view flags = "";  // lines on flags that are no settings
  bool hidden = false;          // another spelling of a listed command
};

std::span<const Command> commands();
const Command* find_command(std::string_view name);

// The texts of --help.
std::string overview();
std::string help_of(const Command& command);

int run_compute(std::string_view verb,
                const std::vector<std::string>& words);  // train, pt, sft, infer, export
int run_estimate(std::string_view verb, const std::vector<std::string>& words);
int run_config(std::string_view verb, const std::vector<std::string>& words);
int run_tokenize(std::string_view verb, const std::vector<std::string>& words);
int run_template(std::string_view verb, const std::vector<std::string>& words);
int run_version(std::string_view verb, const std::vector<std::string>& words);
int run_completion(std::string_view verb, const std::vector<std::string>& words);
int run_doctor(std::string_view verb, const std::vector<std::string>& words);
int run_deploy(std::string_view verb, const std::vector<std::string>& words);
int run_later(std::string_view verb, const std::vector<std::string>& words);  // delivered by another issue

}  // namespace swift::cli
