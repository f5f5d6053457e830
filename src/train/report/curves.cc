#include "train/report/curves.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <stdexcept>

#include "base/file.h"
#include "train/report/canvas.h"

namespace swift::train {
namespace {

constexpr Colour kWhite{255, 255, 255}, kGrid{232, 232, 236}, kAxis{120, 120, 128}, kText{60, 60, 67};
constexpr Colour kRaw{160, 197, 238}, kSmooth{24, 92, 168};
constexpr double kLeft = 76, kRight = 24, kTop = 52, kBottom = 54;  // margins in pixels
constexpr double kTitleUnit = 2.0, kLabelUnit = 1.5;                // font grid steps in pixels

// Larger values would overflow when ranges are subtracted.
bool drawable(double value) {
  return std::isfinite(value) && std::fabs(value) < 1e300;
}

struct Range {
  double low = 0, high = 1;
};

// The range of the drawable values, never empty.
Range range_of(std::span<const double> values) {
  Range range{INFINITY, -INFINITY};
  for (const double value : values) {
    if (!drawable(value)) continue;
    range.low = std::min(range.low, value);
    range.high = std::max(range.high, value);
  }
  if (range.low > range.high) return {};
  if (range.low == range.high) {
    const double around = std::max(std::fabs(range.low) * 0.1, 1e-12);
    return {range.low - around, range.high + around};
  }
  return range;
}

Range padded(Range range, double share) {
  const double pad = (range.high - range.low) * share;
  return {range.low - pad, range.high + pad};
}

// Where data coordinates lie on the picture.
struct Frame {
  Range x, y;
  double left, right, top, bottom;  // pixels
  Point place(double at_x, double at_y) const {
    return {left + (at_x - x.low) / (x.high - x.low) * (right - left),
            bottom - (at_y - y.low) / (y.high - y.low) * (bottom - top)};
  }
};

void segment(Canvas& canvas, Point from, Point to, Colour colour, double thickness = 1) {
  const std::array<Point, 2> points = {from, to};
  canvas.polyline(points, thickness, colour);
}

double spacing_of(const std::vector<double>& values) {
  return values.size() > 1 ? values[1] - values[0] : 0;
}

// Grid lines and numbers; lines lie on pixel centres so that they stay sharp.
void draw_axes(Canvas& canvas, const Frame& frame, const std::string& x_label, bool whole_x) {
  const auto crisp = [](double value) { return std::floor(value) + 0.5; };
  auto x_ticks = ticks(frame.x.low, frame.x.high, 8);
  if (whole_x) std::erase_if(x_ticks, [](double x) { return std::fabs(x - std::round(x)) > 1e-9; });
  for (const double value : x_ticks) {
    const double x = crisp(frame.place(value, 0).x);
    segment(canvas, {x, frame.top}, {x, frame.bottom}, kGrid);
    segment(canvas, {x, frame.bottom}, {x, frame.bottom + 4}, kAxis);
    const std::string label = tick_label(value, spacing_of(x_ticks));
    canvas.text({x - Canvas::text_width(label, kLabelUnit) / 2, frame.bottom + 18}, label, kLabelUnit, kText);
  }
  const auto y_ticks = ticks(frame.y.low, frame.y.high, 7);
  for (const double value : y_ticks) {
    const double y = crisp(frame.place(0, value).y);
    segment(canvas, {frame.left, y}, {frame.right, y}, kGrid);
    segment(canvas, {frame.left - 4, y}, {frame.left, y}, kAxis);
    const std::string label = tick_label(value, spacing_of(y_ticks));
    canvas.text({frame.left - 9 - Canvas::text_width(label, kLabelUnit), y + 3 * kLabelUnit}, label,
                kLabelUnit, kText);
  }
  segment(canvas, {crisp(frame.left), frame.top}, {crisp(frame.left), frame.bottom}, kAxis);
  segment(canvas, {frame.left, crisp(frame.bottom)}, {frame.right, crisp(frame.bottom)}, kAxis);
  const double middle = (frame.left + frame.right - Canvas::text_width(x_label, kLabelUnit)) / 2;
  canvas.text({middle, frame.bottom + 40}, x_label, kLabelUnit, kText);
}

void draw_series(Canvas& canvas, const Frame& frame, std::span<const double> xs, std::span<const double> ys,
                 double thickness, Colour colour) {
  std::vector<Point> run;
  for (size_t i = 0; i <= xs.size(); ++i) {
    if (i < xs.size() && drawable(xs[i]) && drawable(ys[i])) {
      run.push_back(frame.place(xs[i], ys[i]));
      continue;
    }
    canvas.polyline(run, thickness, colour);
    run.clear();
  }
}

// "values  smoothed" with a sample of each line, right-aligned beside the title.
void draw_legend(Canvas& canvas, const Frame& frame, bool with_smoothed) {
  double x = frame.right;
  const auto entry = [&](const char* name, Colour colour, double thickness) {
    x -= Canvas::text_width(name, kLabelUnit);
    canvas.text({x, frame.top - 18}, name, kLabelUnit, kText);
    segment(canvas, {x - 30, frame.top - 22}, {x - 8, frame.top - 22}, colour, thickness);
    x -= 50;
  };
  if (with_smoothed) entry("smoothed", kSmooth, 2.2);
  entry("value", with_smoothed ? kRaw : kSmooth, 1.6);
}

}  // namespace

std::vector<double> smoothed(std::span<const double> values, double weight) {
  std::vector<double> result;
  result.reserve(values.size());
  double sum = 0, weights = 0;
  for (const double value : values) {
    if (std::isfinite(value)) {
      sum = sum * weight + value;
      weights = weights * weight + 1;
    }
    result.push_back(weights > 0 ? sum / weights : NAN);
  }
  return result;
}

std::vector<double> ticks(double low, double high, int count) {
  if (!(high > low) || count < 1) return {};
  const double rough = (high - low) / count;
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  double step = 10 * power;
  for (const double multiple : {1.0, 2.0, 2.5, 5.0}) {
    if (multiple * power >= rough * (1 - 1e-9)) {
      step = multiple * power;
      break;
    }
  }
  std::vector<double> values;
  const double first = std::ceil(low / step - 1e-9), last = std::floor(high / step + 1e-9);
  for (double index = first; index <= last && values.size() < 100; ++index) values.push_back(index * step);
  return values;
}

std::string tick_label(double value, double spacing) {
  if (std::fabs(value) < spacing * 1e-6) return "0";
  std::array<char, 32> text{};
  const double size = std::max(std::fabs(value), spacing);
  if (size >= 1e6 || size < 1e-3) {
    const double power = std::floor(std::log10(std::fabs(value)) + 1e-9);
    std::snprintf(text.data(), text.size(), "%.3ge%d", value / std::pow(10.0, power),
                  static_cast<int>(power));
    return text.data();
  }
  int digits = 0;
  for (double scaled = spacing; digits < 8 && std::fabs(scaled - std::round(scaled)) > 1e-6 * scaled;
       scaled *= 10) {
    ++digits;
  }
  std::snprintf(text.data(), text.size(), "%.*f", digits, value);
  return text.data();
}

void write_curve(const std::filesystem::path& path, std::string_view title, std::span<const double> xs,
                 std::span<const double> ys, const CurveStyle& style) {
  if (xs.size() != ys.size()) throw std::invalid_argument("write_curve: xs and ys differ in length");
  Canvas canvas(style.width, style.height, kWhite);
  const Frame frame{range_of(xs), padded(range_of(ys), 0.05), kLeft, style.width - kRight,
                    kTop,         style.height - kBottom};
  draw_axes(canvas, frame, style.x_label, style.whole_x);
  canvas.text({kLeft, kTop - 18}, title, kTitleUnit, kText);
  const bool any = std::any_of(ys.begin(), ys.end(), drawable);
  if (!any) {
    canvas.text({(frame.left + frame.right) / 2 - 30, (frame.top + frame.bottom) / 2}, "no data", kLabelUnit,
                kAxis);
  } else {
    const bool with_smoothed = style.smoothing > 0 && ys.size() > 2;
    draw_series(canvas, frame, xs, ys, 1.3, with_smoothed ? kRaw : kSmooth);
    if (with_smoothed) draw_series(canvas, frame, xs, smoothed(ys, style.smoothing), 2.2, kSmooth);
    draw_legend(canvas, frame, with_smoothed);
  }
  base::write_file_atomic(path, canvas.png());
}

}  // namespace swift::train
