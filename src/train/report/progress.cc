#include "train/report/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>

#include "base/format.h"

namespace swift::train {
namespace {

constexpr int kBar = 20;  // cells
constexpr std::string_view kClearLine = "\r\x1b[K";
constexpr std::string_view kGreen = "\x1b[32m", kDim = "\x1b[2m", kPlain = "\x1b[0m";

std::string number(const char* format, double value) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), format, value);
  return text.data();
}

double done_share(const Progress& progress) {
  if (progress.total <= 0) return 0;
  return std::clamp(static_cast<double>(progress.step) / static_cast<double>(progress.total), 0.0, 1.0);
}

}  // namespace

std::string progress_text(const Progress& progress) {
  std::string text = base::cat("step ", progress.step);
  if (progress.total > 0) {
    text += base::cat("/", progress.total, " (", static_cast<int>(done_share(progress) * 100), "%)");
  }
  text += base::cat("  loss ", number("%.4f", progress.loss), "  lr ", number("%.2e", progress.learning_rate),
                    "  ", number("%.0f", progress.tokens_per_second), " tok/s");
  if (progress.seconds_left) text += base::cat("  ", base::human_seconds(*progress.seconds_left), " left");
  return text;
}

std::string terminal_text(const Progress& progress, int columns, bool colour) {
  std::string text = progress_text(progress);
  // The last column stays free: a full row would wrap on some terminals.
  const int room = std::max(0, columns - 1);
  if (static_cast<int>(text.size()) > room) text.resize(static_cast<size_t>(room));
  if (progress.total <= 0 || static_cast<int>(text.size()) + kBar + 3 > room) return text;
  const auto full = static_cast<size_t>(done_share(progress) * kBar);
  std::string done(full, '#');
  std::string rest(kBar - full, '.');
  if (colour) {
    done = std::string(kGreen) + done + std::string(kPlain);
    rest = std::string(kDim) + rest + std::string(kPlain);
  }
  return "[" + done + rest + "] " + text;
}

ProgressStyle stderr_style() {
  ProgressStyle style;
  const char* term = std::getenv("TERM");
  style.terminal = ::isatty(STDERR_FILENO) == 1 && term != nullptr && std::string_view(term) != "dumb";
  const char* no_colour = std::getenv("NO_COLOR");
  style.colour = style.terminal && (no_colour == nullptr || *no_colour == '\0');
  winsize size{};
  if (style.terminal && ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    style.columns = size.ws_col;
  return style;
}

void ProgressLine::update(const Progress& progress, double now) {
  const double wait = style_.terminal ? style_.redraw_seconds : style_.plain_seconds;
  const bool last = progress.total > 0 && progress.step >= progress.total;
  if (shown_at_ && !last && now - *shown_at_ < wait) return;
  shown_at_ = now;
  const std::string text =
      style_.terminal ? std::string(kClearLine) + terminal_text(progress, style_.columns, style_.colour)
                      : progress_text(progress) + "\n";
  std::fwrite(text.data(), 1, text.size(), out_);
  std::fflush(out_);
  drawn_ = style_.terminal;
}

void ProgressLine::clear() {
  if (!drawn_) return;
  std::fwrite(kClearLine.data(), 1, kClearLine.size(), out_);
  std::fflush(out_);
  drawn_ = false;
  shown_at_.reset();
}

void ProgressLine::finish() {
  if (!drawn_) return;
  std::fputc('\n', out_);
  std::fflush(out_);
  drawn_ = false;
}

}  // namespace swift::train
