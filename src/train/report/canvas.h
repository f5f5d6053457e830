// An RGB picture with antialiased lines and text.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace swift::train {

struct Colour {
  uint8_t red = 0, green = 0, blue = 0;
};

// Pixels, y downwards; the centre of the first pixel is (0.5, 0.5).
struct Point {
  double x = 0, y = 0;
};

class Canvas {
 public:
  Canvas(int width, int height, Colour background);
  int width() const { return width_; }
  int height() const { return height_; }

  // Joins the points by a line `thickness` pixels wide with round ends; one point gives a dot. The line is
  // laid on as a whole, so a translucent one does not darken where it crosses itself.
  void polyline(std::span<const Point> points, double thickness, Colour colour, double opacity = 1);

  // Text with its base line at `at`; `unit` is the size of a font grid step in pixels (capitals are 6 high).
  void text(Point at, std::string_view text, double unit, Colour colour);
  // Text read from bottom to top, its base line on x = at.x.
  void text_upwards(Point at, std::string_view text, double unit, Colour colour);
  static double text_width(std::string_view text, double unit);

  Colour pixel(int x, int y) const;
  // Throws Error(failure) when libpng refuses.
  std::string png() const;

 private:
  void cover(Point from, Point to, double radius);
  void blend(Colour colour, double opacity);
  // right, down: the directions of the font's axes.
  void glyphs(Point at, std::string_view text, double unit, Point right, Point down, Colour colour);

  int width_, height_;
  std::vector<uint8_t> rgb_;     // (height, width, 3)
  std::vector<float> coverage_;  // (height, width) of the shape being drawn, 0..1; all 0 between calls
  int low_x_, low_y_, high_x_, high_y_;  // what coverage_ has touched: [low, high)
};

}  // namespace swift::train
