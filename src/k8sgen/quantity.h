// Kubernetes quantities ("48Gi", "500m", "4"): grammar, comparison and the one canonical spelling.
// Grammar: apimachinery's resource.Quantity: signed decimal with a suffix n u m "" k M G T P E, Ki Mi Gi Ti
// Pi Ei, or a decimal exponent.
#pragma once
#include <compare>
#include <optional>
#include <string>
#include <string_view>

namespace swift::k8sgen {

class Quantity {
 public:
  // Empty when the text is no quantity, is negative, finer than one nano-unit or above 2^63 - 1.
  static std::optional<Quantity> parse(std::string_view text);
  // The spelling the API server gives back: no fraction, the largest suffix of the same family (binary or
  // decimal) that leaves an integer: "1024Mi" is "1Gi", "0.5" is "500m", "4000m" is "4". Binary amounts below
  // 1 Ki, or of a broken number of units, are written in decimal.
  std::string canonical() const;
  bool is_integer() const;
  // Whole units, rounded up.
  int64_t ceil() const;
  std::strong_ordering operator<=>(const Quantity& other) const { return nano_ <=> other.nano_; }
  bool operator==(const Quantity& other) const { return nano_ == other.nano_; }

 private:
  enum class Form { decimal, binary, exponent };
  std::string decimal() const;
  __int128 nano_ = 0;  // billionths of a unit
  Form form_ = Form::decimal;
};

// Why the text is no quantity, with the spelling that was probably meant ("no quantity; write 32G (10^9) or
// 32Gi (2^30)" of "32GB"), or nothing when it is one.
std::optional<std::string> quantity_fault(std::string_view text);

// The canonical spelling, or the text itself when it is no quantity (the checker then says so).
std::string canonical_quantity(const std::string& text);

}  // namespace swift::k8sgen
