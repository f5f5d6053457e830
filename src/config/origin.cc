#include "config/origin.h"

#include <utility>

namespace swift::config {
namespace {

Origin make(Source source, base::Location where, std::string name) {
  Origin origin;
  origin.source = source;
  origin.where = std::move(where);
  origin.name = std::move(name);
  return origin;
}

}  // namespace

Origin Origin::derived() {
  return make(Source::derived, {}, {});
}
Origin Origin::in_file(base::Location where) {
  return make(Source::file, std::move(where), {});
}
Origin Origin::in_environment(std::string name) {
  return make(Source::environment, {}, std::move(name));
}
Origin Origin::of_flag(std::string name) {
  return make(Source::flag, {}, std::move(name));
}

std::string Origin::str() const {
  switch (source) {
    case Source::default_value:
      return "default";
    case Source::derived:
      return "default (derived)";
    case Source::args_json:
    case Source::file:
      return where.str();
    case Source::environment:
    case Source::flag:
      return name;
  }
  return {};
}

}  // namespace swift::config
