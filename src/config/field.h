// One declared setting: key, place in memory, range, help. Every reader and writer of settings (YAML, flags,
// environment, --help, JSON Schema, dumps, hash) walks a list of these.
#pragma once
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/json.h"

namespace swift::config {

// Which commands read a group of settings; a bit each.
enum Readers : unsigned {
  kTrain = 1,
  kInfer = 2,
  kExport = 4,
  kTokenize = 8,
  kTemplate = 16,
  kDeploy = 32,
  kEvery = 63,
};

// What a value may be. Numeric bounds apply to numbers, one_of to texts and to each element of a list.
struct Limits {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  double above = -std::numeric_limits<double>::infinity();  // exclusive
  double below = std::numeric_limits<double>::infinity();   // exclusive
  std::vector<std::string_view> one_of = {};
  bool json_object = false;  // a text that holds a JSON object; YAML may give a map
  bool secret = false;       // dumps leave it out
  bool carried = false;      // infer and export take it from the args.json of a checkpoint
};

using Slot = std::variant<std::string*, bool*, int64_t*, double*, std::vector<std::string>*,
                          std::optional<std::string>*, std::optional<bool>*, std::optional<int64_t>*,
                          std::optional<double>*>;

enum class Kind { text, boolean, integer, number, list };

struct Field {
  std::string_view key;
  std::string_view group;
  unsigned readers = 0;  // bits of Readers
  std::string_view help;
  Limits limits;
  Slot slot;

  Kind kind() const;
  bool optional() const;
  // The present value; null for an optional that is unset.
  base::Json value() const;
};

// Declares fields: group() once, then one call a field.
class FieldList {
 public:
  void group(std::string_view name, unsigned readers) { group_ = name, readers_ = readers; }
  void operator()(std::string_view key, Slot slot, Limits limits, std::string_view help) {
    fields_.push_back({key, group_, readers_, help, std::move(limits), slot});
  }
  std::vector<Field> take() { return std::move(fields_); }

 private:
  std::string_view group_;
  unsigned readers_ = 0;
  std::vector<Field> fields_;
};

// The field of that key, or null.
const Field* find(const std::vector<Field>& fields, std::string_view key);

// "an integer", "true or false", "one of a, b": what a value of this field must be.
std::string expectation(const Field& field);

}  // namespace swift::config
