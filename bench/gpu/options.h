// The command line of gpu_bench.
#pragma once
#include <string>
#include <vector>

namespace swift::gpu_bench {

struct Options {
  std::string out = "bench/results";  // the folder of the page
  std::vector<std::string> only;      // families to measure; empty: all
  double seconds = 420;               // for all of it; what is left out then stays blank
  bool help = false, list = false;
};

// --out DIR, --only NAME[,NAME…], --seconds N, --list, --help; `families` are the names that exist. Throws
// base::Error(usage).
Options parse_options(const std::vector<std::string>& words, const std::vector<std::string>& families);

// What --help prints.
std::string help_text(const std::vector<std::string>& families);

}  // namespace swift::gpu_bench
