// swift completion bash | zsh | fish: verbs, and the settings each verb reads.
#include <iostream>
#include <sstream>

#include "base/error.h"
#include "cli/command.h"
#include "config/fields.h"

namespace swift::cli {
namespace {

std::string verbs() {
  std::string text;
  for (const Command& command : commands()) text += (text.empty() ? "" : " ") + std::string(command.name);
  return text;
}

std::string flags_of(const Command& command) {
  config::Task task;
  std::string text = "--help";
  for (const config::Field& field : config::fields(task)) {
    if ((field.readers & command.readers) != 0) text += " --" + std::string(field.key);
  }
  // The command's own flags, as its help names them.
  std::istringstream help{std::string(command.flags)};
  for (std::string line; std::getline(help, line);) {
    const size_t begin = line.find("--");
    if (begin != 2) continue;  // a line that goes on
    text += " " + line.substr(begin, line.find(' ', begin) - begin);
  }
  return text;
}

std::string bash() {
  std::string text =
      "_swift() {\n  local word=${COMP_WORDS[COMP_CWORD]} flags=--help\n"
      "  if [ \"$COMP_CWORD\" -eq 1 ]; then COMPREPLY=($(compgen -W \"" +
      verbs() +
      "\" -- \"$word\")); return; fi\n"
      "  case ${COMP_WORDS[1]} in\n";
  for (const Command& command : commands()) {
    if (command.readers != 0 || !command.flags.empty())
      text += "    " + std::string(command.name) + ") flags='" + flags_of(command) + "' ;;\n";
  }
  return text +
         "  esac\n  case $word in\n    -*) COMPREPLY=($(compgen -W \"$flags\" -- \"$word\")) ;;\n"
         "    *) COMPREPLY=($(compgen -f -- \"$word\")) ;;\n  esac\n}\ncomplete -F _swift swift\n";
}

std::string zsh() {
  return "autoload -U +X bashcompinit && bashcompinit\n" + bash();
}

std::string fish() {
  std::string text = "complete -c swift -n __fish_use_subcommand -f -a '" + verbs() + "'\n";
  config::Task task;
  for (const Command& command : commands()) {
    for (const config::Field& field : config::fields(task)) {
      if ((field.readers & command.readers) == 0) continue;
      text += "complete -c swift -n '__fish_seen_subcommand_from " + std::string(command.name) + "' -l " +
              std::string(field.key) + "\n";
    }
  }
  return text;
}

}  // namespace

int run_completion(std::string_view /*verb*/, const std::vector<std::string>& words) {
  const std::string shell = words.size() == 1 ? words[0] : "";
  if (shell == "bash")
    std::cout << bash();
  else if (shell == "zsh")
    std::cout << zsh();
  else if (shell == "fish")
    std::cout << fish();
  else
    throw base::Error(base::ExitCode::usage, "completion needs one shell: bash, zsh or fish");
  return 0;
}

}  // namespace swift::cli
