// Errors that reach a user: what happened, where, why and what to do, with the exit code of contract.md.
#pragma once
#include <stdexcept>
#include <string>
#include <string_view>

namespace swift::base {

// Process exit codes; the same table feeds the Job's podFailurePolicy.
enum class ExitCode : int {
  ok = 0,
  failure = 1,        // failed while running
  usage = 2,          // command line or configuration
  data = 3,           // datasets and samples
  model = 4,          // model files missing, unreadable or of an unsupported architecture
  device = 5,         // out of memory or device
  temporary = 75,     // try again
  interrupted = 130,  // SIGINT
  terminated = 143,   // SIGTERM, after a checkpoint was saved
};

// A place in a user's file. Lines and columns count from 1; 0 means unknown.
struct Location {
  std::string file;
  int line = 0;
  int column = 0;
  // "file:line:col", leaving out what is unknown.
  std::string str() const;
};

// Thrown for anything a user can mend. what() is the full text: "file:line:col: error: message (hint)".
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, std::string message, Location where = {}, std::string hint = {});
  ExitCode code() const { return code_; }
  const std::string& message() const { return message_; }
  const Location& where() const { return where_; }
  const std::string& hint() const { return hint_; }

 private:
  ExitCode code_;
  std::string message_;
  Location where_;
  std::string hint_;
};

}  // namespace swift::base
