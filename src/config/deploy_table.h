// The rows of the section `deploy:`, nested as the YAML is. One declaration feeds the reader, the JSON Schema
// and the reference page.
#pragma once
#include <functional>
#include <limits>
#include <string_view>
#include <variant>
#include <vector>

#include "config/deploy.h"

namespace swift::config {

struct DeployRow {
  using Slot =
      std::variant<std::monostate, std::string*, std::optional<std::string>*, bool*, int64_t*,
                   std::optional<int64_t>*, std::vector<std::string>*, StringMap*, std::optional<StringMap>*>;
  struct Bounds {
    int64_t min = std::numeric_limits<int64_t>::min();
    int64_t max = std::numeric_limits<int64_t>::max();
    std::vector<std::string_view> one_of = {};
    bool required = false;
  };

  std::string_view key;
  std::string_view help;
  Slot slot;
  Bounds bounds;
  std::vector<DeployRow> rows;                      // of a nested section
  bool* given = nullptr;                            // of a nested section
  std::function<std::vector<DeployRow>()> element;  // of a list of sections: appends one, returns its rows

  bool is_section() const { return given != nullptr; }
  bool is_records() const { return element != nullptr; }
};

class DeployTable {
 public:
  using Bounds = DeployRow::Bounds;
  void operator()(std::string_view key, DeployRow::Slot slot, std::string_view help, Bounds bounds = {}) {
    rows_.push_back({key, help, slot, std::move(bounds), {}, nullptr, nullptr});
  }
  template <class Part>
  void section(std::string_view key, Part& part, void (*declare)(DeployTable&, Part&),
               std::string_view help) {
    DeployTable inner;
    declare(inner, part);
    rows_.push_back({key, help, {}, {}, inner.take(), &part.given, nullptr});
  }
  template <class Part>
  void records(std::string_view key, std::vector<Part>& list, void (*declare)(DeployTable&, Part&),
               std::string_view help) {
    rows_.push_back({key, help, {}, {}, {}, nullptr, [&list, declare] {
                       DeployTable inner;
                       declare(inner, list.emplace_back());
                       return inner.take();
                     }});
  }
  std::vector<DeployRow> take() { return std::move(rows_); }

 private:
  std::vector<DeployRow> rows_;
};

// Rows bound to the members of `deploy`, which must outlive them and stay where it is.
std::vector<DeployRow> deploy_rows(Deploy& deploy);

// "an integer", "a map of texts": what a row's value must be.
std::string expectation(const DeployRow& row);

// JSON Schema of the section, and its rows of the reference page (Markdown), keys spelt
// "deploy.service.port".
base::Json deploy_schema();
std::string deploy_reference();
// One key at length ("deploy.service.port"); nothing when there is none.
std::optional<std::string> explain_deploy(std::string_view key);

}  // namespace swift::config
