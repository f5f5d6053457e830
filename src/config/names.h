// Names that are no fields: older spellings, and what ms-swift knows and this build does not yet.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/field.h"

namespace swift::config {

struct Alias {
  std::string_view name;
  std::string_view key;
  bool deprecated;
};

// train_type and others; rlhf_type is another name of method.
const std::vector<Alias>& aliases();
// The key that an alias stands for, or null.
const Alias* find_alias(std::string_view name);

// Why a known name of ms-swift is refused, or nothing for an unknown name.
std::optional<std::string> refusal(std::string_view name);

// "unknown <what> 'learning_rat'; did you mean 'learning_rate'?". `dash` is put before both names.
std::string unknown_name(std::string_view what, std::string_view name, const std::vector<Field>& known,
                         std::string_view dash = "");

}  // namespace swift::config
