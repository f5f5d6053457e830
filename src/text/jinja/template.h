// A Jinja template: parsed once, rendered any number of times from any thread.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "text/jinja/ast.h"
#include "text/jinja/runtime.h"

namespace swift::text::jinja {

// Variables of a template by name; of several with one name the last counts.
using Variables = std::vector<std::pair<std::string, const base::Json*>>;

class Template {
 public:
  // Throws base::Error(model) with the name and the line of the mistake.
  Template(const std::string& source, std::string name);

  // Throws base::Error(data) with the name and the line where rendering failed.
  std::string render(const Variables& variables, const Clock& clock) const;

 private:
  std::string name_;
  Function program_;
};

// A JSON value as the template sees it.
Value from_json(Runtime& rt, const base::Json& json);

}  // namespace swift::text::jinja
