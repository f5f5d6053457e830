#include "base/signals.h"

#include <unistd.h>

#include <csignal>

#include "base/error.h"

namespace swift::base {
namespace {

volatile std::sig_atomic_t received = 0;

extern "C" void on_stop(int number) {
  if (received != 0) ::_exit(128 + number);
  received = number;
}

}  // namespace

void install_stop_handlers() {
  struct sigaction action {};
  action.sa_handler = on_stop;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

int stop_signal() {
  return received;
}

void stop_if_asked(const std::string& message) {
  if (received != 0) throw Error(static_cast<ExitCode>(128 + received), message);
}

void clear_stop_signal() {
  received = 0;
}

}  // namespace swift::base
