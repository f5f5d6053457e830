// The progress of a training run on stderr: one line rewritten in place on a terminal, plain lines elsewhere.
#pragma once
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>

namespace swift::train {

struct Progress {
  int64_t step = 0;   // updates done
  int64_t total = 0;  // updates of the whole run
  double loss = 0;
  double learning_rate = 0;
  double tokens_per_second = 0;
  std::optional<double> seconds_left;  // none until it can be guessed
};

// "step 120/600 (20%)  loss 1.2345  lr 1.00e-04  4120 tok/s  1m20s left".
std::string progress_text(const Progress& progress);

// The same for a terminal of `columns`: a bar before the text when there is room, cut to fit; with ANSI
// colour.
std::string terminal_text(const Progress& progress, int columns, bool colour);

// How and where the lines go.
struct ProgressStyle {
  bool terminal = false;  // rewrite one line
  bool colour = false;
  int columns = 80;          // of the terminal
  double plain_seconds = 5;  // without a terminal: least time between two lines
  double redraw_seconds = 0.1;
};

// What suits stderr: a terminal unless TERM is "dumb"; colour unless NO_COLOR is set and not empty.
ProgressStyle stderr_style();

// Stepped explicitly: the caller gives the time, so tests need no clock. Never writes '\r' off a terminal.
class ProgressLine {
 public:
  explicit ProgressLine(ProgressStyle style = stderr_style(), std::FILE* out = stderr)
      : style_(style), out_(out) {}
  // now: seconds by any steady clock. The first and the last step are always shown.
  void update(const Progress& progress, double now);
  // Removes the rewritten line, before other text goes to the same stream. The next update draws it again.
  void clear();
  // Ends the rewritten line so that it stays on the screen.
  void finish();

 private:
  ProgressStyle style_;
  std::FILE* out_;
  std::optional<double> shown_at_;
  bool drawn_ = false;
};

}  // namespace swift::train
