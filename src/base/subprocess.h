// A program started without a shell, spoken to over its standard input and output, with deadlines.
#pragma once
#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

namespace swift::base {

// Words of a command line: separated by blanks, kept together by ' or ", \ takes the next character as it is.
// Nothing else is special. Throws Error(usage) for an open quote or no word.
std::vector<std::string> split_command(std::string_view line);

class Subprocess {
 public:
  // Starts argv[0], found in PATH, in a process group of its own. Throws Error(usage) when it cannot be
  // started.
  explicit Subprocess(const std::vector<std::string>& argv);
  Subprocess(const Subprocess&) = delete;
  Subprocess& operator=(const Subprocess&) = delete;
  // Kills the group when it still runs.
  ~Subprocess();

  // Writes `input`, closes the program's input, and returns all that it writes until it ends. Throws
  // Error(failure): not done after `seconds` (the group is then killed), an exit status other than 0, a
  // signal; with the last line that it wrote to its error output. Error(128 + signal) when asked to stop.
  std::string finish(std::string_view input, double seconds);
  // Writes a line and returns the next line that the program writes, without its end. Throws as finish(), and
  // when the program ends instead.
  std::string ask(std::string_view line, double seconds);

 private:
  enum class Until { end, line };
  // Moves bytes both ways until the condition holds.
  void pump(std::string_view input, Until until, double seconds);
  bool read_some(int& descriptor, std::string& into);
  void kill_group();
  int wait();
  [[noreturn]] void fail(const std::string& what);

  std::string name_;
  pid_t pid_ = -1;
  int in_ = -1, out_ = -1, err_ = -1;
  std::string output_;  // read and not yet returned
  std::string errors_;  // the end of the error output
};

}  // namespace swift::base
