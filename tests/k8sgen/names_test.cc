#include "k8sgen/names.h"

#include <catch2/catch.hpp>

#include "base/error.h"
#include "k8sgen/version.h"

using namespace swift::k8sgen;

namespace {

using Grammar = std::optional<std::string> (*)(std::string_view);

void accepts(Grammar grammar, std::initializer_list<std::string> names) {
  for (const std::string& name : names) {
    INFO(name);
    CHECK(grammar(name).value_or("") == "");
  }
}

void refuses(Grammar grammar, std::initializer_list<std::string> names) {
  for (const std::string& name : names) {
    INFO(name);
    CHECK(grammar(name));
  }
}

const std::string kLong63(63, 'a'), kLong64(64, 'a'), kLong253(253, 'a'), kLong254(254, 'a');

}  // namespace

TEST_CASE("labels of RFC 1123") {
  const auto label = [](std::string_view name) { return label_name_fault(name); };
  accepts(label, {"a", "0", "web-1", "1web", "a--b", kLong63});
  refuses(label, {"", "-a", "a-", "A", "a.b", "a_b", "a b", "ä", "a\n", std::string("a\0", 2), kLong64});
  CHECK(label_name_fault(kLong64) == "64 characters; at most 63 are allowed");
  CHECK(label_name_fault(kLong63, 52) == "63 characters; at most 52 are allowed");
  CHECK(label_name_fault("a_b") == "'_' is not allowed; use a-z, 0-9 and '-'");
  CHECK(label_name_fault("a\n") == "byte 0x0a is not allowed; use a-z, 0-9 and '-'");
  CHECK(label_name_fault("a-") == "ends with '-'; end with a letter of a-z or a digit");
}

TEST_CASE("subdomains of RFC 1123 and labels of RFC 1035") {
  accepts(subdomain_fault, {"a", "a.b", "1.2", "llm.example.com", kLong253});
  refuses(subdomain_fault, {"", ".a", "a.", "a..b", "a.-b", "a-.b", "A.b", "a/b", kLong254});
  accepts(service_name_fault, {"a", "web-1", kLong63});
  refuses(service_name_fault, {"", "1web", "-a", "a-", "a.b", "Web", kLong64});
}

TEST_CASE("label keys and values") {
  accepts(label_key_fault,
          {"app", "App_1.x", "app.kubernetes.io/name", "a.b/" + kLong63, kLong253 + "/a", "9"});
  refuses(label_key_fault,
          {"", "/a", "a/", "a/b/c", "-a", "a-", "a b", "A.b/c", "a.b/" + kLong64, kLong254 + "/a"});
  accepts(label_value_fault, {"", "a", "A", "1.2-b_c", kLong63});
  refuses(label_value_fault, {"-a", "a_", ".a", "a b", "a/b", "a:b", "é", kLong64});
}

TEST_CASE("names of ports, variables, keys and hosts") {
  accepts(port_name_fault, {"http", "p", "8x", "a-b", "a23456789012345"});
  refuses(port_name_fault, {"", "8080", "-a", "a-", "a--b", "HTTP", "a_b", "a234567890123456"});
  accepts(variable_name_fault, {"A", "_a", "a.b-c", "MODEL_NAME", "-a", ".a"});
  refuses(variable_name_fault, {"", "1a", "a b", "a=b", ".", "..", "..a", "é"});
  accepts(data_key_fault, {"task.yaml", ".a", "A_b-c", kLong253});
  refuses(data_key_fault, {"", ".", "..", "..a", "a/b", "a b", kLong254});
  accepts(host_fault, {"llm.example", "*.llm.example", "localhost"});
  refuses(host_fault,
          {"", "*", "*.", "a.*.b", "*a.b", "10.0.0.1", "LLM.example", "llm.example:80", "http://a"});
}

TEST_CASE("time zones of the IANA database are known by their exact name") {
  for (const char* name : {"Asia/Shanghai", "Etc/UTC", "UTC", "America/Argentina/Buenos_Aires",
                           "Africa/Abidjan", "Zulu", "Europe/Kyiv", "GMT"})
    CHECK(is_time_zone(name));
  for (const char* name : {"", "Local", "Mars/Base", "asia/shanghai", "Asia/", "Asia", "UTC+8", "CST8",
                           "Factory", "Asia/Shanghai ", "../etc/passwd"})
    CHECK_FALSE(is_time_zone(name));
  CHECK(nearest_time_zone("asia/shanghai") == "Asia/Shanghai");
  CHECK(nearest_time_zone("Europe/Berln") == "Europe/Berlin");
  CHECK_FALSE(nearest_time_zone("Mars/Base"));
}

TEST_CASE("Kubernetes versions are those of the supported range") {
  CHECK(Version::parse("1.29").minor == 29);
  CHECK(Version::parse("1.37").minor == 37);
  for (const char* text : {"", "1", "1.28", "1.38", "v1.30", "1.30.1", "2.30", "1.030", "1.3", "latest"}) {
    try {
      Version::parse(text);
      FAIL(text);
    } catch (const swift::base::Error& error) {
      CHECK(error.code() == swift::base::ExitCode::usage);
      CHECK(error.message() == "Kubernetes version '" + std::string(text) + "' is not supported");
      CHECK(error.hint() == "write one of 1.29 to 1.37, without a patch number");
    }
  }
}
