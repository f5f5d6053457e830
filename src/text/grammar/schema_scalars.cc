#include "text/grammar/schema_scalars.h"

#include <map>

#include "base/error.h"
#include "text/grammar/json_text.h"
#include "text/grammar/regex.h"

namespace swift::text::grammar {

namespace {

// Numbers of one sign (without it) in [lower, upper]; an absent bound does not bound.
Automaton between(const std::optional<Bound>& lower, const std::optional<Bound>& upper, const Facts& facts,
                  bool whole, Budget& budget) {
  Automaton result = automaton_of(unsigned_numbers(whole), budget);
  if (lower) result = intersection(result, automaton_of(at_least(*lower, whole), budget), budget);
  if (upper) result = intersection(result, automaton_of(at_most(*upper, whole), budget), budget);
  for (const uint64_t divisor : facts.divisors)
    result = intersection(result, multiples(divisor, budget), budget);
  return result;
}

ExpressionPtr any_text(size_t min, size_t max) {
  return repeat(one_of(CodePoints::any()), min, max);
}

// RFC 3339, RFC 4122, RFC 791; years from 0001, and 29 February only in leap years.
const std::string date_regex =
    "(?:(?:[1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])-"
    "(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|"
    "02-(?:0[1-9]|1[0-9]|2[0-8]))|"
    "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)-02-29)";
const std::string time_regex =
    "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,9})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])";
// RFC 5321: at most 64 characters before the @ and 63 in a label; no label that looks like an encoded one.
const std::string email_atom = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]";
const std::string email_label = "[A-Za-z0-9](?:-?[A-Za-z0-9]){0,31}";
const std::string email_regex =
    email_atom + "{1,20}(?:\\.?" + email_atom + "){0,22}@" + email_label + "(?:\\." + email_label + "){1,3}";

// RFC 1123 names, RFC 4291 addresses without an embedded IPv4 one.
const std::string hostname_regex = email_label + "(?:\\." + email_label + "){0,3}";
const std::string ipv6_group = "[0-9a-fA-F]{1,4}";
const std::string ipv6_regex = "(?:(?:" + ipv6_group + ":){7}" + ipv6_group + "|(?:" + ipv6_group +
                               ":){1,6}:" + ipv6_group + "|::(?:" + ipv6_group + ")?)";

// RFC 3986 with hosts that are names.
const std::string uri_character = "(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})";
const std::string uri_regex = "[A-Za-z][A-Za-z0-9+.-]*:(?://" + hostname_regex + "(?::[0-9]{1,4})?(?:/" +
                              uri_character + "*)*|/?" + uri_character + "+(?:/" + uri_character +
                              "*)*)(?:\\?(?:" + uri_character + "|[/?])*)?(?:#(?:" + uri_character +
                              "|[/?])*)?";

// RFC 3339, appendix A: each unit may be followed by the next smaller one alone.
const std::string duration_count = "[0-9]{1,6}";
std::string duration_units(const std::string& letters) {
  std::string chain, result;
  for (auto letter = letters.rbegin(); letter != letters.rend(); ++letter) {
    chain = duration_count + *letter + (chain.empty() ? "" : "(?:" + chain + ")?");
    result += (result.empty() ? "" : "|") + chain;
  }
  return "(?:" + result + ")";
}
const std::string duration_regex = "P(?:" + duration_units("YMD") + "(?:T" + duration_units("HMS") + ")?|T" +
                                   duration_units("HMS") + "|" + duration_count + "W)";

}  // namespace

ExpressionPtr schema_numbers(const Facts& facts, bool whole, Budget& budget) {
  if (!facts.divisors.empty()) whole = true;  // multiples of whole numbers are whole
  if (!facts.minimum && !facts.maximum && facts.divisors.empty()) return any_number(whole);
  const auto& low = facts.minimum;
  const auto& high = facts.maximum;
  std::vector<ExpressionPtr> parts;
  if (!high || !high->value.negative) {
    const bool from_zero = !low || low->value.negative;
    parts.push_back(embed(between(from_zero ? std::nullopt : low, high, facts, whole, budget)));
  }
  if (!low || low->value.negative) {
    // -x with x > 0 between the negated bounds.
    std::optional<Bound> from = Bound{Decimal{}, true};
    if (high && high->value.negative) from = Bound{high->value.negated(), high->exclusive};
    std::optional<Bound> to;
    if (low) to = Bound{low->value.negated(), low->exclusive};
    parts.push_back(sequence({literal("-"), embed(between(from, to, facts, whole, budget))}));
  }
  return choice(std::move(parts));
}

const char* format_regex(const std::string& format) {
  static const std::map<std::string, std::string> known = {
      {"date", date_regex},
      {"time", time_regex},
      {"date-time", date_regex + "T" + time_regex},
      {"email", email_regex},
      {"hostname", hostname_regex},
      {"ipv6", ipv6_regex},
      {"uri", uri_regex},
      {"duration", duration_regex},
      {"uuid", "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"},
      {"ipv4",
       "(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])\\.){3}"
       "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"},
  };
  const auto found = known.find(format);
  return found == known.end() ? nullptr : found->second.c_str();
}

bool limits_text(const Facts& facts) {
  for (const std::string& format : facts.formats) {
    if (format_regex(format) != nullptr) return true;
  }
  return !facts.patterns.empty();
}

Automaton pattern_texts(const std::string& pattern, const std::string& pointer, Budget& budget) {
  try {
    return automaton_of(parse_regex(pattern, RegexMode::search, budget), budget);
  } catch (const base::Error& error) {
    refuse_schema(error.message() + ", in the pattern", pointer, error.hint());
  }
}

Automaton schema_texts(const Facts& facts, Budget& budget) {
  Automaton result = automaton_of(any_text(0, Expression::no_limit), budget);
  for (const std::string& pattern : facts.patterns)
    result = intersection(result, pattern_texts(pattern, facts.pointer, budget), budget);
  for (const std::string& format : facts.formats) {
    if (const char* regex = format_regex(format))
      result =
          intersection(result, automaton_of(parse_regex(regex, RegexMode::whole, budget), budget), budget);
  }
  if (facts.min_length > 0 || facts.max_length != Expression::no_limit)
    result = intersection(result, automaton_of(any_text(facts.min_length, facts.max_length), budget), budget);
  return result;
}

}  // namespace swift::text::grammar
