#include "train/report/canvas.h"

#include <png.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "train/report/stroke_font.h"

namespace swift::train {
namespace {

double distance_to_segment(Point p, Point a, Point b) {
  const double dx = b.x - a.x, dy = b.y - a.y;
  const double length2 = dx * dx + dy * dy;
  const double along =
      length2 > 0 ? std::clamp(((p.x - a.x) * dx + (p.y - a.y) * dy) / length2, 0.0, 1.0) : 0.0;
  return std::hypot(p.x - a.x - along * dx, p.y - a.y - along * dy);
}

}  // namespace

Canvas::Canvas(int width, int height, Colour background)
    : width_(width),
      height_(height),
      rgb_(static_cast<size_t>(width) * static_cast<size_t>(height) * 3),
      coverage_(static_cast<size_t>(width) * static_cast<size_t>(height)),
      low_x_(width),
      low_y_(height),
      high_x_(0),
      high_y_(0) {
  for (size_t at = 0; at < rgb_.size(); at += 3) {
    rgb_[at] = background.red, rgb_[at + 1] = background.green, rgb_[at + 2] = background.blue;
  }
}

void Canvas::cover(Point from, Point to, double radius) {
  const double reach = radius + 1;
  const auto clip = [](double value, int limit) {
    return static_cast<int>(std::clamp(value, 0.0, double(limit)));
  };
  const int x0 = clip(std::floor(std::min(from.x, to.x) - reach), width_);
  const int x1 = clip(std::ceil(std::max(from.x, to.x) + reach), width_);
  const int y0 = clip(std::floor(std::min(from.y, to.y) - reach), height_);
  const int y1 = clip(std::ceil(std::max(from.y, to.y) + reach), height_);
  for (int y = y0; y < y1; ++y) {
    for (int x = x0; x < x1; ++x) {
      // A pixel is covered as far as the edge, `radius` from the segment, lies beyond its centre.
      const double away = distance_to_segment({x + 0.5, y + 0.5}, from, to);
      float& here = coverage_[static_cast<size_t>(y) * static_cast<size_t>(width_) + static_cast<size_t>(x)];
      here = std::max(here, static_cast<float>(std::clamp(radius - away + 0.5, 0.0, 1.0)));
    }
  }
  low_x_ = std::min(low_x_, x0), high_x_ = std::max(high_x_, x1);
  low_y_ = std::min(low_y_, y0), high_y_ = std::max(high_y_, y1);
}

void Canvas::blend(Colour colour, double opacity) {
  const auto mix = [](uint8_t& old, uint8_t fresh, double share) {
    old = static_cast<uint8_t>(std::lround(old + (fresh - old) * share));
  };
  for (int y = low_y_; y < high_y_; ++y) {
    for (int x = low_x_; x < high_x_; ++x) {
      const size_t at = static_cast<size_t>(y) * static_cast<size_t>(width_) + static_cast<size_t>(x);
      const double share = opacity * static_cast<double>(coverage_[at]);
      coverage_[at] = 0;
      mix(rgb_[3 * at], colour.red, share);
      mix(rgb_[3 * at + 1], colour.green, share);
      mix(rgb_[3 * at + 2], colour.blue, share);
    }
  }
  low_x_ = width_, low_y_ = height_, high_x_ = high_y_ = 0;
}

void Canvas::polyline(std::span<const Point> points, double thickness, Colour colour, double opacity) {
  if (points.size() == 1) cover(points[0], points[0], thickness / 2 + 1);
  for (size_t i = 1; i < points.size(); ++i) cover(points[i - 1], points[i], thickness / 2);
  blend(colour, opacity);
}

void Canvas::glyphs(Point at, std::string_view text, double unit, Point right, Point down, Colour colour) {
  const double radius = std::max(0.55, unit * 0.42);
  double pen = 0;  // grid units
  for (const char character : text) {
    const auto place = [&](char x, char y) {
      const double u = (pen + (x - '0')) * unit, v = (y - '0' - kBaseLine) * unit;
      return Point{at.x + u * right.x + v * down.x, at.y + u * right.y + v * down.y};
    };
    const std::string_view strokes = glyph_strokes(character);
    // `i` is the second point of a segment; a blank ends a stroke.
    for (size_t i = 2; i + 1 < strokes.size(); i += 2) {
      if (strokes[i] == ' ') {
        ++i;
        continue;
      }
      cover(place(strokes[i - 2], strokes[i - 1]), place(strokes[i], strokes[i + 1]), radius);
    }
    pen += kGlyphAdvance;
  }
  blend(colour, 1);
}

void Canvas::text(Point at, std::string_view text, double unit, Colour colour) {
  glyphs(at, text, unit, {1, 0}, {0, 1}, colour);
}

void Canvas::text_upwards(Point at, std::string_view text, double unit, Colour colour) {
  glyphs(at, text, unit, {0, -1}, {1, 0}, colour);
}

double Canvas::text_width(std::string_view text, double unit) {
  if (text.empty()) return 0;
  return unit * (kGlyphAdvance * static_cast<double>(text.size()) - (kGlyphAdvance - kGlyphWidth));
}

Colour Canvas::pixel(int x, int y) const {
  const size_t at = 3 * (static_cast<size_t>(y) * static_cast<size_t>(width_) + static_cast<size_t>(x));
  return {rgb_[at], rgb_[at + 1], rgb_[at + 2]};
}

std::string Canvas::png() const {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(width_);
  image.height = static_cast<png_uint_32>(height_);
  image.format = PNG_FORMAT_RGB;
  std::string bytes(PNG_IMAGE_PNG_SIZE_MAX(image), '\0');
  png_alloc_size_t size = bytes.size();
  if (png_image_write_to_memory(&image, bytes.data(), &size, 0, rgb_.data(), 0, nullptr) == 0) {
    throw base::Error(base::ExitCode::failure, std::string("cannot encode a PNG: ") + image.message);
  }
  bytes.resize(size);
  return bytes;
}

}  // namespace swift::train
