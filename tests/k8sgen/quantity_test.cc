#include "k8sgen/quantity.h"

#include <catch2/catch.hpp>

using swift::k8sgen::Quantity;
using swift::k8sgen::quantity_fault;

namespace {

std::string canonical(std::string_view text) {
  const auto quantity = Quantity::parse(text);
  return quantity ? quantity->canonical() : "none";
}

Quantity of(std::string_view text) {
  return Quantity::parse(text).value();
}

}  // namespace

// Grammar and canonical form of apimachinery pkg/api/resource/quantity.go: no fraction, the largest suffix of
// the family that was written, decimal for binary amounts below 1 Ki and for those that are no integer.
TEST_CASE("quantities have one spelling") {
  const std::pair<const char*, const char*> table[] = {{"0", "0"},
                                                       {"0Gi", "0"},
                                                       {"4", "4"},
                                                       {"+4", "4"},
                                                       {"4.0", "4"},
                                                       {".5", "500m"},
                                                       {"5.", "5"},
                                                       {"0.5", "500m"},
                                                       {"1.5", "1500m"},
                                                       {"4000m", "4"},
                                                       {"1000", "1k"},
                                                       {"1500k", "1500k"},
                                                       {"1000k", "1M"},
                                                       {"1000000", "1M"},
                                                       {"0.001", "1m"},
                                                       {"1000u", "1m"},
                                                       {"1n", "1n"},
                                                       {"0.1u", "100n"},
                                                       {"32G", "32G"},
                                                       {"0.032T", "32G"},
                                                       {"1024Mi", "1Gi"},
                                                       {"1536Mi", "1536Mi"},
                                                       {"1.5Gi", "1536Mi"},
                                                       {"48Gi", "48Gi"},
                                                       {"0.5Ki", "512"},
                                                       {"1000Ki", "1000Ki"},
                                                       {"1024Ki", "1Mi"},
                                                       {"1.1Ki", "1126400m"},
                                                       {"0.5Gi", "512Mi"},
                                                       {"2048Gi", "2Ti"},
                                                       {"1E", "1E"},
                                                       {"1e3", "1e3"},
                                                       {"1E3", "1e3"},
                                                       {"1000e3", "1e6"},
                                                       {"12e2", "1200"},
                                                       {"1e-3", "1e-3"},
                                                       {"1.5e0", "1500e-3"},
                                                       {"007", "7"},
                                                       {"1.10", "1100m"},
                                                       {"1k", "1k"},
                                                       {"9223372036854775807", "9223372036854775807"},
                                                       {"7Ei", "7Ei"},
                                                       {"9E", "9E"},
                                                       {"16", "16"}};
  for (const auto& [text, spelling] : table) {
    INFO(text);
    CHECK(canonical(text) == spelling);
  }
}

TEST_CASE("a spelling that is given back is its own spelling") {
  for (const char* text :
       {"1536Mi", "1126400m", "100n", "1e6", "1500e-3", "9223372036854775807", "1k", "500m", "0"})
    CHECK(canonical(text) == text);
}

TEST_CASE("what is no quantity is refused") {
  for (const char* text : {"",
                           "GB",
                           "32GB",
                           "32gi",
                           "1K",
                           "1ki",
                           "-1",
                           "-0",
                           "1 Gi",
                           " 1",
                           "1 ",
                           "1.2.3",
                           ".",
                           "+",
                           "e3",
                           "1e",
                           "1e3.5",
                           "1eK",
                           "1mi",
                           "0x10",
                           "1_000",
                           "NaN",
                           "1KiB",
                           "½",
                           "1e9999",
                           "8Ei",
                           "9223372036854775808",
                           "10E",
                           "0.1n",
                           "1e-10",
                           "1e+",
                           "++1",
                           "1Mi3",
                           "99999999999999999999999999999999999999999999999999"})
    CHECK(canonical(text) == "none");
}

TEST_CASE("quantities compare by their amount") {
  CHECK(of("1Gi") == of("1024Mi"));
  CHECK(of("1000m") == of("1"));
  CHECK(of("1G") < of("1Gi"));
  CHECK(of("500m") < of("0.6"));
  CHECK(of("8Ti") > of("8T"));
  CHECK(of("4").is_integer());
  CHECK_FALSE(of("1500m").is_integer());
  CHECK(of("1500m").ceil() == 2);
  CHECK(of("1n").ceil() == 1);
  CHECK(of("1Gi").ceil() == 1073741824);
  CHECK(of("0").ceil() == 0);
  CHECK(of("9223372036854775807").ceil() == 9223372036854775807);
}

TEST_CASE("a misspelt quantity is told the right spelling") {
  CHECK_FALSE(quantity_fault("32Gi"));
  CHECK(quantity_fault("32GB") == "no quantity; write 32G (10^9) or 32Gi (2^30)");
  CHECK(quantity_fault("32gb") == "no quantity; write 32G (10^9) or 32Gi (2^30)");
  CHECK(quantity_fault("1.5GiB") == "no quantity; write 1.5Gi");
  CHECK(quantity_fault("8gi") == "no quantity; write 8Gi");
  CHECK(quantity_fault("512MB") == "no quantity; write 512M (10^6) or 512Mi (2^20)");
  CHECK(quantity_fault("64K") == "no quantity; write 64k (10^3) or 64Ki (2^10)");
  CHECK(quantity_fault("-1") == "negative; write an amount of 0 or more");
  CHECK(quantity_fault("8Ei") ==
        "out of bounds; an amount is a multiple of one billionth (n) and below 2^63");
  CHECK(quantity_fault("many").value().find("such as 48Gi, 500m or 4") != std::string::npos);
}
