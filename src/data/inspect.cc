#include "data/inspect.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/log.h"

namespace swift::data {
using base::Error;
using base::ExitCode;
namespace {

void check_trains(const Sample& sample) {
  if (sample.trained_tokens() > 0) return;
  throw Error(ExitCode::data, "the sample would train nothing: no token of an assistant is in it",
              sample.where, "the row needs an assistant message with text whose \"loss\" is not false");
}

void check_bos(const Sample& sample, const text::Tokenizer& tokenizer, std::optional<int32_t> bos) {
  const bool twice =
      bos && sample.input_ids.size() >= 2 && sample.input_ids[0] == *bos && sample.input_ids[1] == *bos;
  if (!twice) return;
  throw Error(ExitCode::data, "the sample begins with two " + tokenizer.token_of(*bos), sample.where,
              "the chat template and the text both add it: take it out of the text");
}

// Whether the last trained token ends a turn. Position 0 never is a target.
bool is_end(int32_t label, std::span<const int32_t> end_ids) {
  return std::find(end_ids.begin(), end_ids.end(), label) != end_ids.end();
}

// The last trained token ends a turn; with everything trained, any token does.
bool ends_turn(const Sample& sample, const InspectOptions& options) {
  for (size_t i = sample.labels.size(); i-- > 1;) {
    if (sample.labels[i] == kIgnore) continue;
    if (is_end(sample.labels[i], options.end_ids)) return true;
    if (!options.everything_trained) return false;
  }
  return false;
}

bool check_end(const Sample& sample, const text::Tokenizer& tokenizer, const InspectOptions& options) {
  if (options.pretrain || options.end_ids.empty() || ends_turn(sample, options)) return true;
  if (sample.truncated) return false;
  std::string known;
  for (const int32_t id : options.end_ids) known += (known.empty() ? "" : ", ") + tokenizer.token_of(id);
  throw Error(ExitCode::data, "the sample never trains an end of turn: the model would not learn to stop",
              sample.where, "after the last assistant text the chat template must write one of: " + known);
}

}  // namespace

bool check_sample(const Sample& sample, const text::Tokenizer& tokenizer, const InspectOptions& options) {
  check_bos(sample, tokenizer, options.bos_token_id);
  check_trains(sample);
  return check_end(sample, tokenizer, options);
}

double Report::trained_share() const {
  return tokens > 0 ? static_cast<double>(trained_tokens) / static_cast<double>(tokens) : 0.0;
}

std::string Report::summary() const {
  std::string text = fmt::format(
      "{} samples, {} tokens, {:.1f}% trained; per sample mean {:.1f}, std {:.1f}, min {}, max {}", samples,
      tokens, 100.0 * trained_share(), mean, std, min, max);
  if (dropped > 0) text += fmt::format("; {} rows dropped", dropped);
  return text;
}

Report inspect(std::span<const Sample> samples, const text::Tokenizer& tokenizer,
               const InspectOptions& options) {
  if (samples.empty()) {
    throw Error(ExitCode::data, "the dataset has no samples", {}, "every row was dropped, or there was none");
  }
  Report report;
  report.samples = static_cast<int64_t>(samples.size());
  report.min = static_cast<int64_t>(samples[0].input_ids.size());
  for (const Sample& sample : samples) {
    if (!check_sample(sample, tokenizer, options)) ++report.open_ended;
    const auto length = static_cast<int64_t>(sample.input_ids.size());
    report.tokens += length;
    report.trained_tokens += sample.trained_tokens();
    report.min = std::min(report.min, length);
    report.max = std::max(report.max, length);
  }
  report.mean = static_cast<double>(report.tokens) / static_cast<double>(report.samples);
  double squares = 0;
  for (const Sample& sample : samples) {
    const double off = static_cast<double>(sample.input_ids.size()) - report.mean;
    squares += off * off;
  }
  report.std = std::sqrt(squares / static_cast<double>(report.samples));
  if (report.open_ended > 0) {
    base::log::warn(
        fmt::format("{} truncated samples end without a trained end of turn; raise max_length if the "
                    "model should learn to stop there",
                    report.open_ended));
  }
  return report;
}

}  // namespace swift::data
