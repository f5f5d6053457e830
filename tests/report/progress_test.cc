#include "train/report/progress.h"

#include <catch2/catch.hpp>
#include <memory>
#include <string>

namespace swift::train {
namespace {

const Progress kMiddle{120, 600, 1.23456, 1e-4, 4120.4, 80};

TEST_CASE("progress text names step, share, loss, rate, speed and time left") {
  CHECK(progress_text(kMiddle) == "step 120/600 (20%)  loss 1.2346  lr 1.00e-04  4120 tok/s  1m20s left");
  CHECK(progress_text({5, 0, 2, 0, 10, {}}) == "step 5  loss 2.0000  lr 0.00e+00  10 tok/s");
}

TEST_CASE("terminal text gets a bar when there is room and never fills the last column") {
  const std::string wide = terminal_text(kMiddle, 120, false);
  CHECK_THAT(wide, Catch::StartsWith("[####................] step 120/600"));
  CHECK(terminal_text(kMiddle, 80, false) == progress_text(kMiddle));
  CHECK(terminal_text(kMiddle, 30, false) == progress_text(kMiddle).substr(0, 29));
  CHECK(terminal_text(kMiddle, 0, false).empty());
}

TEST_CASE("without colour no escape sequence appears") {
  CHECK_THAT(terminal_text(kMiddle, 120, false), !Catch::Contains("\x1b"));
  CHECK_THAT(terminal_text(kMiddle, 120, true), Catch::Contains("\x1b[32m####\x1b[0m"));
}

// What a ProgressLine of this style writes for steps 0..10 of 10, one a second.
std::string written(const ProgressStyle& style, bool finish) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::tmpfile(), std::fclose);
  ProgressLine line(style, file.get());
  for (int step = 0; step <= 10; ++step) line.update({step, 10, 1, 1e-3, 100, {}}, step);
  if (finish) line.finish();
  std::string text(static_cast<size_t>(std::ftell(file.get())), '\0');
  std::rewind(file.get());
  REQUIRE(std::fread(text.data(), 1, text.size(), file.get()) == text.size());
  return text;
}

TEST_CASE("off a terminal there are whole lines, seconds apart, the last step among them") {
  const std::string text = written({.terminal = false, .plain_seconds = 4}, true);
  CHECK(text == progress_text({0, 10, 1, 1e-3, 100, {}}) + "\n" + progress_text({4, 10, 1, 1e-3, 100, {}}) +
                    "\n" + progress_text({8, 10, 1, 1e-3, 100, {}}) + "\n" +
                    progress_text({10, 10, 1, 1e-3, 100, {}}) + "\n");
}

TEST_CASE("on a terminal one line is rewritten and ends with a line feed") {
  const std::string text = written({.terminal = true, .columns = 80}, true);
  CHECK(std::count(text.begin(), text.end(), '\r') == 11);
  CHECK(std::count(text.begin(), text.end(), '\n') == 1);
  CHECK(text.back() == '\n');
}

}  // namespace
}  // namespace swift::train
