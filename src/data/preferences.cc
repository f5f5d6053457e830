#include "data/preferences.h"

#include <bit>

#include "base/format.h"
#include "base/log.h"
#include "base/signals.h"
#include "data/content_key.h"
#include "data/parallel.h"

namespace swift::data {
using base::cat;
using base::Error;
using base::ExitCode;
namespace {

[[noreturn]] void fail(const Row& row, const std::string& what, const std::string& hint = {}) {
  throw Error(ExitCode::data, what, row.where, hint);
}

// The answer's text: what stands behind the prompt, joined.
bool answer_is_empty(const base::Json& messages) {
  if (messages.empty() || messages.back()["role"] != "assistant") return true;
  const base::Json& last = messages.back();
  return last["content"].get_ref<const std::string&>().empty() && !last.contains("tool_calls") &&
         !last.contains("reasoning_content");
}

void check_answer(const Row& row, const base::Json& messages, const std::string& which) {
  if (messages.empty() || messages.back()["role"] != "assistant")
    fail(row, which + " has no answer: its last message is not the assistant's");
  if (answer_is_empty(messages)) fail(row, which + " has an empty answer");
}

void check_pair(const Row& row) {
  if (row.rejected.is_null()) {
    fail(row, "the row has no rejected answer",
         "add rejected_response (a text or messages) or rejected_messages beside the chosen answer");
  }
  check_answer(row, row.messages, "the chosen side");
  check_answer(row, row.rejected, "the rejected side");
  if (row.rejected == row.messages)
    fail(row, "the chosen and the rejected answer are the same", "a pair must differ to teach anything");
}

void check_label(const Row& row) {
  check_answer(row, row.messages, "the row");
  if (!row.label) fail(row, "kto needs a column 'label' with true or false");
}

// One sample at most: split is refused before.
std::optional<Sample> encode_answer(const Row& row, const Encoder& encoder) {
  std::vector<Sample> samples = encoder.encode_to_length(row);
  if (samples.empty()) return std::nullopt;
  if (samples.front().trained_tokens() == 0)
    fail(row, "the answer has no trained token: its \"loss\" is false");
  return std::move(samples.front());
}

struct Encoded {
  std::optional<Preference> preference;
  std::optional<Error> error;
};

Encoded encode_one(const Row& row, const Encoder& encoder, PreferenceKind kind, bool strict) {
  base::stop_if_asked("stopped while the data was encoded; nothing was saved");
  try {
    return {encode_preference(row, encoder, kind), std::nullopt};
  } catch (const Error& error) {
    if (strict) throw;
    return {std::nullopt, error};
  }
}

struct Dropped {
  int64_t bad = 0, too_long = 0;
  std::optional<Error> first_bad;
  base::Location first_long;
};

void warn_dropped(const Dropped& dropped, const Encoder& encoder) {
  if (dropped.too_long > 0) {
    base::log::warn(cat(dropped.too_long, " rows are above max_length ", encoder.options().max_length,
                        " and were dropped; the first: ", dropped.first_long.str()));
  }
  if (dropped.bad > 0) {
    base::log::warn(cat("dropped ", dropped.bad,
                        " rows that cannot be used; the first: ", dropped.first_bad->where().str(), ": ",
                        dropped.first_bad->message(), "; --strict true makes them errors"));
  }
}

std::vector<Preference> encode_all(const std::vector<Row>& rows, const DatasetOptions& options,
                                   const Encoder& encoder, PreferenceKind kind) {
  auto encoded = parallel_map(rows.size(), options.workers, [&](size_t i) {
    return encode_one(rows[i], encoder, kind, options.load.strict);
  });
  std::vector<Preference> found;
  Dropped dropped;
  for (size_t i = 0; i < rows.size(); ++i) {
    Encoded& one = encoded[i];
    if (one.error && dropped.bad++ == 0) dropped.first_bad = one.error;
    if (!one.error && !one.preference && dropped.too_long++ == 0) dropped.first_long = rows[i].where;
    if (one.preference) found.push_back(std::move(*one.preference));
  }
  if (found.empty() && dropped.first_bad) throw *dropped.first_bad;
  if (found.empty()) {
    throw Error(ExitCode::data, cat("every row is above max_length ", encoder.options().max_length),
                dropped.first_long, "raise max_length, or set truncation_strategy to right or left");
  }
  warn_dropped(dropped, encoder);
  return found;
}

void describe(const std::vector<Preference>& data, const std::string& name, PreferenceKind kind) {
  int64_t tokens = 0, shared = 0, good = 0, longest = 0;
  for (const Preference& one : data) {
    tokens += one.tokens();
    shared += kind == PreferenceKind::pair ? shared_tokens(one.chosen, one.rejected) : 0;
    good += one.good ? 1 : 0;
    longest = std::max(longest, one.tokens());
  }
  if (kind == PreferenceKind::labelled) {
    base::log::info(cat(name, ": ", data.size(), " answers, ", good, " of them good, ", tokens, " tokens"));
    return;
  }
  base::log::info(cat(name, ": ", data.size(), " pairs, ", tokens, " tokens, ", shared,
                      " of them shared by both answers and computed once; longest pair ", longest));
}

}  // namespace

std::optional<Preference> encode_preference(const Row& row, const Encoder& encoder, PreferenceKind kind) {
  Preference found;
  if (kind == PreferenceKind::labelled) {
    check_label(row);
    found.good = *row.label;
  } else {
    check_pair(row);
  }
  auto chosen = encode_answer(row, encoder);
  if (!chosen) return std::nullopt;
  found.chosen = std::move(*chosen);
  found.margin = row.margin.value_or(0);
  if (kind == PreferenceKind::labelled) return found;
  Row other = row;
  other.messages = row.rejected;
  auto rejected = encode_answer(other, encoder);
  if (!rejected) return std::nullopt;
  found.rejected = std::move(*rejected);
  if (found.chosen.input_ids == found.rejected.input_ids)
    fail(row, "the chosen and the rejected answer are the same tokens", "were both cut to max_length?");
  return found;
}

PreferenceDataset load_preferences(const DatasetOptions& options, const Encoder& encoder,
                                   PreferenceKind kind) {
  if (options.train.empty()) {
    throw Error(ExitCode::usage, "no dataset is given", {}, "set dataset to a JSONL, JSON or CSV file");
  }
  LoadOptions load = options.load;
  auto [train, validation] = split(load_rows(options.train, load),
                                   options.validation.empty() ? options.split_ratio : 0.0, load.seed);
  if (!options.validation.empty()) {
    load.shuffle = options.shuffle_validation;
    validation = load_rows(options.validation, load);
  }
  PreferenceDataset data;
  data.train = encode_all(train, options, encoder, kind);
  describe(data.train, "training data", kind);
  if (validation.empty()) return data;
  data.validation = encode_all(validation, options, encoder, kind);
  describe(data.validation, "validation data", kind);
  return data;
}

int64_t shared_tokens(const Sample& a, const Sample& b) {
  const size_t most = std::min(a.input_ids.size(), b.input_ids.size());
  size_t same = 0;
  while (same < most && a.input_ids[same] == b.input_ids[same] && a.labels[same] == b.labels[same]) ++same;
  return same == 0 ? 0 : static_cast<int64_t>(same) - 1;
}

std::string contents_hash(const std::vector<Preference>& data) {
  ContentHash hash;
  const auto add = [&hash](const auto& values) {
    const auto size = static_cast<uint64_t>(values.size());
    hash.update({reinterpret_cast<const char*>(&size), sizeof(size)});
    hash.update({reinterpret_cast<const char*>(values.data()), values.size() * sizeof(values[0])});
  };
  for (const Preference& one : data) {
    for (const Sample* sample : {&one.chosen, &one.rejected}) {
      add(sample->input_ids);
      add(sample->labels);
      add(sample->weights);
    }
    add(std::vector<double>{one.margin, one.good ? 1.0 : 0.0});
  }
  return hash.hex();
}

}  // namespace swift::data
