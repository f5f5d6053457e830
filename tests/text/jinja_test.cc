// The template language against jinja2 (tests/golden/jinja.py), and what keeps hostile templates harmless.
#include <catch2/catch.hpp>
#include <thread>

#include "base/file.h"
#include "base/json.h"
#include "text/jinja/template.h"

using namespace swift;
using text::jinja::Template;

namespace {

// Every golden value was made at this time.
std::tm fixed_time() {
  std::tm time{};
  time.tm_year = 126;
  time.tm_mday = 2;
  time.tm_hour = 3;
  time.tm_min = 4;
  time.tm_sec = 5;
  time.tm_wday = 5;
  time.tm_yday = 1;
  time.tm_isdst = -1;
  return time;
}

std::string render(const std::string& source, const base::Json& variables = base::Json::object()) {
  text::jinja::Variables named;
  for (const auto& [name, value] : variables.items()) named.emplace_back(name, &value);
  return Template(source, "test.jinja").render(named, fixed_time);
}

// The error of a template; fails the test when there is none.
base::Error error_of(const std::string& source, const base::Json& variables = base::Json::object()) {
  try {
    render(source, variables);
  } catch (const base::Error& error) {
    return error;
  }
  FAIL("no error from " << source.substr(0, 200));
  throw 0;
}

std::string repeat(const std::string& text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

}  // namespace

TEST_CASE("templates render as with jinja2, and fail where it fails") {
  const base::Json golden = base::read_json(std::string(SWIFT_SOURCE_DIR) + "/tests/golden/jinja.json");
  REQUIRE(golden["cases"].size() > 150);
  for (const base::Json& wanted : golden["cases"]) {
    const std::string source = wanted["source"];
    CAPTURE(source);
    if (!wanted.contains("error")) {
      CHECK(render(source, golden["variables"]) == wanted["text"].get<std::string>());
      continue;
    }
    const base::Error error = error_of(source, golden["variables"]);
    CHECK(error.code() == (wanted["error"] == "syntax" ? base::ExitCode::model : base::ExitCode::data));
    if (wanted.contains("line")) CHECK(error.where().line == wanted["line"].get<int>());
  }
}

TEST_CASE("errors name the template, the line and the reason") {
  const base::Error syntax = error_of("a\n{% if x %}");
  CHECK(syntax.code() == base::ExitCode::model);
  CHECK(syntax.where().str() == "test.jinja:2");
  const base::Error failed = error_of("a\n\n{{ raise_exception('no system role') }}");
  CHECK(failed.code() == base::ExitCode::data);
  CHECK(failed.where().str() == "test.jinja:3");
  CHECK(failed.message().find("no system role") != std::string::npos);
  CHECK(error_of("{{ message.content }}").message().find("'message' is undefined") != std::string::npos);
  CHECK(error_of("{{ m.a.b }}", {{"m", {{"c", 1}}}}).message().find("'dict object' has no attribute 'a'") !=
        std::string::npos);
}

TEST_CASE("tags that load other templates are refused by name") {
  for (const std::string tag :
       {"include 'x'", "extends 'x'", "import 'x' as y", "from 'x' import y", "block b", "autoescape true"}) {
    const base::Error error = error_of("{% " + tag + " %}");
    CHECK(error.code() == base::ExitCode::model);
    CHECK(error.message().find("not supported") != std::string::npos);
  }
  CHECK(error_of("{% for x in y recursive %}{% endfor %}").message().find("recursive") != std::string::npos);
}

TEST_CASE("deep nesting is an error, not a crash") {
  const int deep = 100000;
  CHECK(error_of("{{ " + repeat("(", deep) + "1" + repeat(")", deep) + " }}").code() ==
        base::ExitCode::model);
  CHECK(error_of("{{ " + repeat("[", deep) + repeat("]", deep) + " }}").code() == base::ExitCode::model);
  CHECK(error_of("{{ " + repeat("not ", deep) + "1 }}").code() == base::ExitCode::model);
  CHECK(error_of("{{ " + repeat("-", deep) + "1 }}").code() == base::ExitCode::model);
  CHECK(error_of("{{ 1" + repeat(" + 1", deep) + " }}").code() == base::ExitCode::model);
  CHECK(error_of("{{ x" + repeat(".a", deep) + " }}").code() == base::ExitCode::model);
  CHECK(error_of("{{ x" + repeat("|upper", deep) + " }}").code() == base::ExitCode::model);
  CHECK(error_of("{{ 1" + repeat(" if 1 else 1", deep) + " }}").code() == base::ExitCode::model);
  CHECK(error_of(repeat("{% if 1 %}", deep) + repeat("{% endif %}", deep)).code() == base::ExitCode::model);
  CHECK(render("{{ 1" + repeat(" + 1", 300) + " }}") == "301");
  CHECK(render(repeat("{% if 1 %}", 60) + "x" + repeat("{% endif %}", 60)) == "x");
}

TEST_CASE("recursion without end is an error") {
  CHECK(error_of("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}").code() == base::ExitCode::data);
  CHECK(
      error_of("{% macro f(x) %}{% for i in [1] %}{% if x %}{{ [f(x)] }}{% endif %}{% endfor %}{% endmacro %}"
               "{{ f(1) }}")
          .code() == base::ExitCode::data);
  CHECK(error_of("{% set ns = namespace() %}{% set ns.a = [ns] %}{{ ns }}").code() == base::ExitCode::data);
  CHECK(
      error_of("{% set ns = namespace(x=[]) %}{% for i in range(1000) %}{% set ns.x = [ns.x] %}{% endfor %}")
          .code() == base::ExitCode::data);
  CHECK(
      error_of("{% set ns = namespace(x=[1]) %}{% for i in range(5000) %}{% set ns.x = ns.x|map('string') %}"
               "{% endfor %}{{ ns.x|list }}")
          .code() == base::ExitCode::data);
}

TEST_CASE("a chain of namespaces is released without recursion") {
  CHECK(render(
            "{% set top = namespace(x=none) %}{% for i in range(90000) %}{% set top.x = namespace(x=top.x) %}"
            "{% endfor %}done") == "done");
}

TEST_CASE("output, memory and steps are bounded") {
  CHECK(error_of("{{ 'x' * 10000000000 }}").code() == base::ExitCode::data);
  CHECK(error_of("{{ [1] * 10000000000 }}").code() == base::ExitCode::data);
  CHECK(error_of("{{ 'x'.center(10000000000) }}").code() == base::ExitCode::data);
  CHECK(error_of("{{ '%10000000000d' % 1 }}").code() == base::ExitCode::data);
  CHECK(error_of("{{ '{:10000000000}'.format(1) }}").code() == base::ExitCode::data);
  CHECK(error_of("{{ range(100001) }}").code() == base::ExitCode::data);
  CHECK(error_of("{% set ns = namespace(s='xxxxxxxx') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s "
                 "%}{% endfor %}")
            .code() == base::ExitCode::data);
  CHECK(error_of("{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}").code() ==
        base::ExitCode::data);
  // A value of few bytes whose text is exponentially long.
  const std::string doubled =
      "{% set ns = namespace(x=[1], y=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}"
      "{% set ns.y = [ns.y, ns.y] %}{% endfor %}";
  CHECK(error_of(doubled + "{{ ns.x }}").code() == base::ExitCode::data);
  CHECK(error_of(doubled + "{{ ns.x|tojson }}").code() == base::ExitCode::data);
  CHECK(error_of(doubled + "{{ ns.x == ns.y }}").code() == base::ExitCode::data);
}

TEST_CASE("integers beyond 64 bits are errors") {
  for (const std::string text : {"9223372036854775807 + 1", "-9223372036854775807 - 2", "2 ** 64",
                                 "99999999999 * 99999999999", "'99999999999999999999'|int", "1e30|int",
                                 "(-9223372036854775807 - 1) // -1", "-(-9223372036854775807 - 1)"}) {
    CAPTURE(text);
    CHECK(error_of("{{ " + text + " }}").code() == base::ExitCode::data);
  }
  CHECK(error_of("{{ 99999999999999999999 }}").code() == base::ExitCode::model);
  CHECK(error_of("{{ x }}", {{"x", uint64_t{18446744073709551615u}}}).code() == base::ExitCode::data);
  CHECK(render("{{ (-9223372036854775807 - 1) % -1 }}") == "0");
}

TEST_CASE("truncated and damaged templates never crash") {
  const std::string source =
      "{%- macro f(a, b=[1, {'x': \"y\"}]) -%}{{ a ~ b[0:1]|tojson(indent=2) }}{% endmacro %}"
      "{% for k, v in d.items() if v is not none %}{% raw %}{{{% endraw %}{# c #}{{- f(k, *v) if loop.first "
      "else 1.5e3 -}}"
      "{% else %}{% set x %}é☃{% endset %}{% endfor %}{% call(q) f(1) %}{{ q }}{% endcall %}";
  const auto attempt = [](const std::string& text) {
    try {
      render(text, {{"d", {{"a", {1, 2}}}}});
    } catch (const base::Error&) {
    }
  };
  for (size_t i = 0; i < source.size(); ++i) {
    attempt(source.substr(0, i));
    attempt(source.substr(i));
    for (const char c : {'{', '}', '%', '\'', '"', '(', '\0', '\xff', '\\', '|', ' '}) {
      std::string damaged = source;
      damaged[i] = c;
      attempt(damaged);
    }
  }
}

TEST_CASE("one template renders in several threads") {
  const Template shared(
      "{% set ns = namespace(n=0) %}{% for x in xs %}{% set ns.n = ns.n + x %}{% endfor %}{{ ns.n }}", "t");
  const base::Json xs = {1, 2, 3, 4};
  std::vector<std::string> results(4);
  std::vector<std::thread> threads;
  for (std::string& result : results) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) result = shared.render({{"xs", &xs}}, fixed_time);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& result : results) CHECK(result == "10");
}
