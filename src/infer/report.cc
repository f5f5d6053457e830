#include "infer/report.h"

#include <iomanip>
#include <sstream>

#include "base/format.h"

namespace swift::infer {
namespace {

std::string fixed(double value, int digits) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(digits) << value;
  return out.str();
}

std::string phase(const char* name, int64_t tokens, double seconds) {
  const double rate = seconds > 0 ? static_cast<double>(tokens) / seconds : 0;
  return base::cat(name, " ", tokens, " tokens in ", fixed(seconds, 2), " s (", fixed(rate, 1), " tokens/s)");
}

}  // namespace

std::string throughput_line(const Throughput& t) {
  return "infer: " + phase("prefill", t.prefill_tokens, t.prefill_seconds) + "; " +
         phase("decode", t.decode_tokens, t.decode_seconds);
}

std::string accuracy_line(int64_t correct, int64_t total) {
  const double score = total > 0 ? static_cast<double>(correct) / static_cast<double>(total) : 0;
  return base::cat("infer: acc ", fixed(score, 4), " (", correct, "/", total, ")");
}

base::Json to_json(const Usage& usage) {
  return {{"prompt_tokens", usage.prompt_tokens},
          {"completion_tokens", usage.completion_tokens},
          {"total_tokens", usage.total_tokens()}};
}

}  // namespace swift::infer
