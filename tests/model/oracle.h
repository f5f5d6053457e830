// Programs that check what we write from outside.
#pragma once
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

namespace swift::tests {

// The exit code of a command, found in PATH; -1 when a signal ended it.
inline int run(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    execvp(pointers[0], pointers.data());
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace swift::tests
