#include "train/report/curves.h"

#include <png.h>

#include <catch2/catch.hpp>
#include <cmath>

#include "base/error.h"
#include "base/file.h"
#include "train/report/canvas.h"
#include "train/report/stroke_font.h"

namespace swift::train {
namespace {
namespace fs = std::filesystem;

// (height, width, 3)
struct Picture {
  int width = 0, height = 0;
  std::vector<uint8_t> rgb;
};

Picture decode(const fs::path& path) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  REQUIRE(png_image_begin_read_from_file(&image, path.c_str()) != 0);
  image.format = PNG_FORMAT_RGB;
  Picture picture{static_cast<int>(image.width), static_cast<int>(image.height), {}};
  picture.rgb.resize(PNG_IMAGE_SIZE(image));
  REQUIRE(png_image_finish_read(&image, nullptr, picture.rgb.data(), 0, nullptr) != 0);
  return picture;
}

// Pixels clearly bluer than red: the curve's colours.
int blue_pixels(const Picture& picture) {
  int count = 0;
  for (size_t at = 0; at < picture.rgb.size(); at += 3)
    count += picture.rgb[at + 2] > picture.rgb[at] + 60 ? 1 : 0;
  return count;
}

TEST_CASE("a curve is a PNG of the asked size with a line across it") {
  const fs::path path = fs::path(SWIFT_BINARY_DIR) / "report-curve.png";
  std::vector<double> xs, ys;
  for (int step = 1; step <= 300; ++step) xs.push_back(step), ys.push_back(3 * std::exp(-step / 50.0));
  write_curve(path, "train/loss", xs, ys);
  const Picture picture = decode(path);
  CHECK(picture.width == 800);
  CHECK(picture.height == 500);
  CHECK(blue_pixels(picture) > 1000);
}

TEST_CASE("curves of nothing, one point, constants and NaN are drawn without fault") {
  const fs::path path = fs::path(SWIFT_BINARY_DIR) / "report-odd.png";
  const std::vector<double> none, one = {7}, three = {1, 2, 3}, same = {5, 5, 5}, gaps = {1, NAN, INFINITY};
  write_curve(path, "none", none, none);
  CHECK(blue_pixels(decode(path)) == 0);
  write_curve(path, "one", one, one);
  CHECK(blue_pixels(decode(path)) > 0);
  write_curve(path, "same", three, same);
  write_curve(path, "zero", three, std::vector<double>{0, 0, 0});
  write_curve(path, "gaps", three, gaps);
  write_curve(path, "caf\xc3\xa9", three, std::vector<double>{1.7e308, -1e299, 1e299});
  CHECK(decode(path).width == 800);
}

TEST_CASE("a curve that cannot be written is an error with its path") {
  const std::vector<double> one = {1};
  CHECK_THROWS_WITH(write_curve(fs::path(SWIFT_BINARY_DIR) / "report-no-folder" / "a.png", "t", one, one),
                    Catch::Contains("report-no-folder"));
}

TEST_CASE("smoothing is a bias-corrected moving average that skips what is not finite") {
  const auto result = smoothed(std::vector<double>{1, 2, NAN, 4}, 0.5);
  CHECK(result[0] == Approx(1));
  CHECK(result[1] == Approx(2.5 / 1.5));
  CHECK(result[2] == Approx(2.5 / 1.5));
  CHECK(result[3] == Approx((1.25 + 4) / 1.75));
  CHECK(std::isnan(smoothed(std::vector<double>{NAN}, 0.5)[0]));
}

TEST_CASE("ticks are round numbers inside the range") {
  CHECK(ticks(0, 10, 5) == std::vector<double>{0, 2, 4, 6, 8, 10});
  CHECK(ticks(1, 97, 4) == std::vector<double>{25, 50, 75});
  CHECK(ticks(-0.3, 0.31, 6).front() == Approx(-0.2));
  CHECK(ticks(1, 1, 5).empty());
  CHECK(ticks(NAN, 1, 5).empty());
}

TEST_CASE("tick labels show the digits that the spacing needs") {
  CHECK(tick_label(100, 50) == "100");
  CHECK(tick_label(0.5, 0.25) == "0.50");
  CHECK(tick_label(1e-18, 0.2) == "0");
  CHECK(tick_label(8e-5, 2e-5) == "8e-5");
  CHECK(tick_label(-2.5e7, 5e6) == "-2.5e7");
}

TEST_CASE("every printable character has strokes of whole points on the grid") {
  for (int code = 33; code <= 126; ++code) {
    INFO(static_cast<char>(code));
    const std::string_view strokes = glyph_strokes(static_cast<char>(code));
    REQUIRE_FALSE(strokes.empty());
    size_t points = 0;
    for (size_t i = 0; i <= strokes.size(); ++points) {
      if (i == strokes.size() || strokes[i] == ' ') {
        CHECK(points >= 2);
        points = static_cast<size_t>(-1);
        ++i;
        continue;
      }
      REQUIRE(i + 1 < strokes.size());
      CHECK((strokes[i] >= '0' && strokes[i] <= '4'));
      CHECK((strokes[i + 1] >= '0' && strokes[i + 1] <= '8'));
      i += 2;
    }
  }
  CHECK(glyph_strokes('\n') == glyph_strokes('?'));
  CHECK(glyph_strokes('\xff') == glyph_strokes('?'));
}

TEST_CASE("a line covers the pixels it crosses and leaves others alone") {
  Canvas canvas(20, 20, {255, 255, 255});
  const std::vector<Point> line = {{2.5, 10.5}, {17.5, 10.5}};
  canvas.polyline(line, 1, {0, 0, 0});
  CHECK(canvas.pixel(10, 10).red == 0);
  CHECK(canvas.pixel(10, 8).red == 255);
  canvas.polyline(std::vector<Point>{{-1e9, -1e9}, {1e9, -1e9}}, 1, {0, 0, 0});
  CHECK(canvas.pixel(10, 0).red == 255);
}

}  // namespace
}  // namespace swift::train
