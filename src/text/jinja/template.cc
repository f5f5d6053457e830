#include "text/jinja/template.h"

#include "text/jinja/binder.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/lexer.h"
#include "text/jinja/parser.h"

namespace swift::text::jinja {
namespace {

constexpr size_t kMaxSource = size_t{16} << 20;  // bytes of a template

}  // namespace

Value from_json(Runtime& rt, const base::Json& json) {
  const DepthGuard guard(rt);
  switch (json.type()) {
    case base::Json::value_t::boolean:
      return Value::boolean(json.get<bool>());
    case base::Json::value_t::number_integer:
      return Value::integer(json.get<int64_t>());
    case base::Json::value_t::number_unsigned:
      if (json.get<uint64_t>() > INT64_MAX)
        throw Fault("the integer " + json.dump() + " does not fit in 64 bits");
      return Value::integer(json.get<int64_t>());
    case base::Json::value_t::number_float:
      return Value::real(json.get<double>());
    case base::Json::value_t::string:
      return make_text(rt, json.get_ref<const std::string&>());
    case base::Json::value_t::array: {
      std::vector<Value> items;
      items.reserve(json.size());
      for (const base::Json& item : json) items.push_back(from_json(rt, item));
      return make_list(rt, std::move(items));
    }
    case base::Json::value_t::object: {
      auto dict = std::make_shared<Dict>();
      for (const auto& [key, value] : json.items()) dict->set(rt, make_text(rt, key), from_json(rt, value));
      return make_dict(rt, std::move(dict));
    }
    default:
      return Value::none();
  }
}

Template::Template(const std::string& source, std::string name) : name_(std::move(name)) {
  try {
    if (source.size() > kMaxSource) throw SyntaxError("the template is larger than 16 MiB", 1);
    program_.body = Parser(tokenize(source)).parse_template();
    bind(program_);
  } catch (const SyntaxError& fault) {
    throw base::Error(base::ExitCode::model, std::string("the chat template is malformed: ") + fault.what(),
                      base::Location{name_, fault.line});
  }
}

std::string Template::render(const Variables& variables, const Clock& clock) const {
  Runtime rt(clock);
  try {
    for (const auto& [name, value] : variables) rt.variables[name] = from_json(rt, *value);
    return run_program(rt, program_);
  } catch (const Fault& fault) {
    throw base::Error(base::ExitCode::data, std::string("the chat template failed: ") + fault.what(),
                      base::Location{name_, rt.line});
  }
}

}  // namespace swift::text::jinja
