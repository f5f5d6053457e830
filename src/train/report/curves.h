// Line plots of a run's metrics, as PNG.
#pragma once
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace swift::train {

// Exponential moving average corrected for its short start: s_i = sum_j w^(i-j) y_j / sum_j w^(i-j), as
// TensorBoard smooths. Values that are not finite are skipped and repeat the average so far.
std::vector<double> smoothed(std::span<const double> values, double weight);

// Round values (1, 2, 2.5 or 5 times a power of ten apart) inside [low, high], about `count` of them.
std::vector<double> ticks(double low, double high, int count);

// A tick's label: no more digits than the distance between ticks needs, "8e-5" style when very small or
// large.
std::string tick_label(double value, double spacing);

struct CurveStyle {
  std::string x_label = "step";
  bool whole_x = true;            // number only whole x values, as steps are
  double smoothing = 0.9;         // 0 draws the values alone
  int width = 800, height = 500;  // pixels
};

// Draws ys over xs: the values as a light line, their smoothed course as a dark one. Points that are not
// finite leave a gap. Replaces the file whole. Throws Error(failure); ys and xs must be of one length.
void write_curve(const std::filesystem::path& path, std::string_view title, std::span<const double> xs,
                 std::span<const double> ys, const CurveStyle& style = {});

}  // namespace swift::train
