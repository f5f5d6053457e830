// SIGINT and SIGTERM as a flag that long work polls.
#pragma once
#include <string>

namespace swift::base {

// First signal: sets the flag. A second one ends the process at once with 128 + signal.
void install_stop_handlers();

// 0, or the number of the signal that asked to stop (SIGINT 2, SIGTERM 15).
int stop_signal();

// Throws Error(128 + signal, message) when a signal asked to stop: for work that has nothing to save.
void stop_if_asked(const std::string& message);

// Forgets the signal, once what it asked to stop has stopped and more work follows (a chat's next question).
void clear_stop_signal();

}  // namespace swift::base
