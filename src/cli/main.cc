#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <iostream>

#include "base/error.h"
#include "base/suggest.h"
#include "cli/command.h"

namespace {

using namespace swift;

[[noreturn]] void unknown_command(const std::string& name) {
  std::vector<std::string> names;
  for (const cli::Command& command : cli::commands()) names.emplace_back(command.name);
  const auto near = base::nearest(name, names);
  throw base::Error(base::ExitCode::usage,
                    "unknown command '" + name + "'" + (near ? "; did you mean '" + *near + "'?" : ""), {},
                    "swift --help lists the commands");
}

int print_help(const std::string& name) {
  const cli::Command* command = cli::find_command(name);
  if (command == nullptr) unknown_command(name);
  std::cout << cli::help_of(*command);
  return 0;
}

int run(const std::vector<std::string>& words) {
  if (words.empty()) {
    std::cerr << cli::overview();
    return static_cast<int>(base::ExitCode::usage);
  }
  // CLI11 finds the command; the words after it belong to the command, whose flags come from the table of
  // settings.
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  bool help = false, version = false;
  app.add_flag("-h,--help", help);
  app.add_flag("--version", version);
  app.add_subcommand("help")->prefix_command();
  for (const cli::Command& command : cli::commands()) {
    CLI::App* verb = app.add_subcommand(std::string(command.name))->prefix_command();
    verb->set_help_flag();
  }
  try {
    app.parse(std::vector<std::string>{words.front()});
  } catch (const CLI::ParseError&) {
    unknown_command(words.front());
  }
  const auto chosen = app.get_subcommands();
  if (help || (!chosen.empty() && chosen[0]->get_name() == "help")) {
    if (!help && words.size() > 1) return print_help(words[1]);
    std::cout << cli::overview();
    return 0;
  }
  if (version) return cli::run_version("version", {});
  if (chosen.empty()) unknown_command(app.remaining().empty() ? "" : app.remaining()[0]);
  const std::vector<std::string> rest(words.begin() + 1, words.end());
  if (std::find(rest.begin(), rest.end(), "--help") != rest.end() ||
      std::find(rest.begin(), rest.end(), "-h") != rest.end()) {
    return print_help(chosen[0]->get_name());
  }
  const cli::Command& command = *cli::find_command(chosen[0]->get_name());
  return command.run(command.name, rest);
}

}  // namespace

int main(int count, char** words) {
  // A reader that leaves ends a command that only prints; training goes on (see run_compute).
  std::signal(SIGPIPE, SIG_DFL);
  try {
    const int code = run({words + 1, words + count});
    std::cout.flush();
    if (!std::cout) {
      throw swift::base::Error(swift::base::ExitCode::failure, "cannot write to standard output");
    }
    return code;
  } catch (const swift::base::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return static_cast<int>(error.code());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return static_cast<int>(swift::base::ExitCode::failure);
  }
}
