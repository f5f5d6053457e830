// Where a setting's value came from.
#pragma once
#include <string>

#include "base/error.h"

namespace swift::config {

// In rising precedence, except that `derived` and `args_json` only ever replace a default.
enum class Source { default_value, derived, args_json, file, environment, flag };

struct Origin {
  Source source = Source::default_value;
  base::Location where;  // file and args_json: the place in the file
  std::string name;      // flag: "--lora_rank"; environment: "SWIFT_LORA_RANK"

  static Origin derived();
  static Origin in_file(base::Location where);
  static Origin in_environment(std::string name);
  static Origin of_flag(std::string name);

  // "task.yaml:3:12", "--lora_rank", "SWIFT_LORA_RANK", "default", "default (derived)".
  std::string str() const;
};

}  // namespace swift::config
