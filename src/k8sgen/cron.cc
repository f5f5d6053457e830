#include "k8sgen/cron.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <span>
#include <vector>

namespace swift::k8sgen {
namespace {

using Fault = std::optional<std::string>;

constexpr std::string_view kMonths[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                        "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::string_view kWeekdays[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
constexpr int kDaysOfMonth[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

struct Bounds {
  std::string_view name;
  int low, high;
  std::span<const std::string_view> names;  // of low, low + 1, …
};
enum FieldIndex { kMinute, kHour, kDay, kMonth, kWeekday };
constexpr Bounds kFields[] = {{"minute", 0, 59, {}},
                              {"hour", 0, 23, {}},
                              {"day of month", 1, 31, {}},
                              {"month", 1, 12, kMonths},
                              {"day of week", 0, 6, kWeekdays}};
constexpr std::pair<std::string_view, std::string_view> kMacros[] = {
    {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"}, {"@weekly", "0 0 * * 0"},
    {"@daily", "0 0 * * *"},  {"@midnight", "0 0 * * *"}, {"@hourly", "0 * * * *"}};

// The values of one field. Days of month and of week are joined by "and" when either is a star, else by "or".
struct Field {
  uint64_t bits = 0;
  bool star = false;
};

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == text.npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> found;
  constexpr std::string_view blanks = " \t\n\v\f\r";
  while (true) {
    const size_t begin = text.find_first_not_of(blanks);
    if (begin == text.npos) return found;
    text.remove_prefix(begin);
    const size_t end = std::min(text.find_first_of(blanks), text.size());
    found.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

std::optional<int> number(std::string_view text) {
  if (text.empty() || text.size() > 4) return {};
  int value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return {};
    value = value * 10 + (c - '0');
  }
  return value;
}

// A number, or the first three letters of a month or weekday in any case.
Fault parse_value(std::string_view text, const Bounds& bounds, int& value) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const auto named = std::find(bounds.names.begin(), bounds.names.end(), lower);
  if (named != bounds.names.end()) {
    value = bounds.low + static_cast<int>(named - bounds.names.begin());
    return {};
  }
  const std::optional<int> parsed = number(text);
  if (!parsed) {
    const std::string names =
        bounds.names.empty() ? "" : fmt::format(" or {} to {}", bounds.names.front(), bounds.names.back());
    return fmt::format("{}: '{}' is no number of {}-{}{}", bounds.name, text, bounds.low, bounds.high, names);
  }
  value = *parsed;
  if (value >= bounds.low && value <= bounds.high) return {};
  const bool sunday = bounds.low == 0 && bounds.high == 6 && value == 7;
  return fmt::format("{}: {} is outside {}-{}{}", bounds.name, value, bounds.low, bounds.high,
                     sunday ? "; Sunday is 0" : "");
}

// "*", "5", "1-5", each with an optional "/step".
Fault parse_range(std::string_view text, const Bounds& bounds, Field& field) {
  const std::vector<std::string_view> stepped = split(text, '/');
  if (text.empty()) return fmt::format("{}: an entry of the list is empty", bounds.name);
  if (stepped.size() > 2) return fmt::format("{}: '{}' has more than one step", bounds.name, text);
  const std::vector<std::string_view> ends = split(stepped[0], '-');
  int low = bounds.low, high = bounds.high, step = 1;
  const bool star = stepped[0] == "*" || stepped[0] == "?";
  if (!star) {
    if (ends.size() > 2) return fmt::format("{}: '{}' has more than one hyphen", bounds.name, text);
    if (Fault fault = parse_value(ends[0], bounds, low)) return fault;
    // "5/10" runs from 5 to the end of the field.
    if (ends.size() == 2) {
      if (Fault fault = parse_value(ends[1], bounds, high)) return fault;
    } else if (stepped.size() == 1) {
      high = low;
    }
    if (low > high) return fmt::format("{}: the range '{}' begins behind its end", bounds.name, stepped[0]);
  }
  if (stepped.size() == 2) {
    const std::optional<int> parsed = number(stepped[1]);
    if (!parsed || *parsed == 0)
      return fmt::format("{}: the step '{}' is no number above 0", bounds.name, stepped[1]);
    step = *parsed;
  }
  for (int value = low; value <= high; value += step) field.bits |= uint64_t{1} << value;
  field.star = field.star || (star && step == 1);
  return {};
}

using Fields = std::array<Field, 5>;

// A date that no year has, such as 30 February.
bool never_fires(const Fields& fields) {
  if (!fields[kWeekday].star) return false;
  for (int month = 1; month <= 12; ++month) {
    if ((fields[kMonth].bits >> month & 1) == 0) continue;
    for (int day = 1; day <= kDaysOfMonth[month - 1]; ++day)
      if (fields[kDay].bits >> day & 1) return false;
  }
  return true;
}

std::string_view expanded(std::string_view text) {
  for (const auto& [macro, fields] : kMacros)
    if (text == macro) return fields;
  return text;
}

Fault parse(std::string_view text, Fields& fields) {
  if (text.find("TZ=") != text.npos)
    return "names a time zone; write the five fields alone and the zone as the time zone of the job";
  text = expanded(text);
  if (text.substr(0, 1) == "@") {
    constexpr const char* known = "write five fields, or @hourly, @daily, @weekly, @monthly or @yearly";
    return fmt::format(
        "{}; {}", text.substr(0, 6) == "@every" ? "@every has no fixed time of day" : "unknown macro", known);
  }
  const std::vector<std::string_view> parts = words(text);
  if (parts.size() != fields.size())
    return fmt::format("{} field{}; a schedule has 5: minute hour day-of-month month day-of-week",
                       parts.size(), parts.size() == 1 ? "" : "s");
  for (size_t i = 0; i < fields.size(); ++i)
    for (const std::string_view range : split(parts[i], ','))
      if (Fault fault = parse_range(range, kFields[i], fields[i])) return fault;
  if (never_fires(fields)) return "never fires; no month that it names has that day";
  return {};
}

// The one value of a field, or nothing when it has several.
std::optional<int> only(const Field& field) {
  if (field.star || field.bits == 0 || (field.bits & (field.bits - 1)) != 0) return {};
  return __builtin_ctzll(field.bits);
}

// Weekdays that many days later, as a list of ranges.
std::string moved_weekdays(uint64_t bits, long days) {
  uint64_t moved = 0;
  for (int day = 0; day < 7; ++day)
    if (bits >> day & 1) moved |= uint64_t{1} << ((day + days) % 7 + 7) % 7;
  std::string list;
  for (int day = 0; day < 7; ++day) {
    if ((moved >> day & 1) == 0) continue;
    int end = day;
    while (end < 6 && (moved >> (end + 1) & 1)) ++end;
    list += fmt::format("{}{}", list.empty() ? "" : ",", day);
    if (end > day) list += fmt::format("-{}", end);
    day = end;
  }
  return list;
}

}  // namespace

Fault schedule_fault(std::string_view text) {
  Fields fields;
  return parse(text, fields);
}

std::optional<std::string> shifted(std::string_view schedule, long seconds) {
  constexpr long day_minutes = 24 * 60;
  Fields fields;
  if (parse(schedule, fields) || seconds % 60 != 0) return {};
  const std::optional<int> minute = only(fields[kMinute]), hour = only(fields[kHour]);
  if (!minute || !hour) return {};
  const long total = *hour * 60L + *minute + seconds / 60;
  const long days = total >= 0 ? total / day_minutes : -((-total + day_minutes - 1) / day_minutes);
  const long time = total - days * day_minutes;
  const std::vector<std::string_view> parts = words(expanded(schedule));
  std::string weekdays(parts[kWeekday]);
  if (days != 0) {
    if (!fields[kDay].star || !fields[kMonth].star) return {};
    if (!fields[kWeekday].star) weekdays = moved_weekdays(fields[kWeekday].bits, days);
  }
  return fmt::format("{} {} {} {} {}", time % 60, time / 60, parts[kDay], parts[kMonth], weekdays);
}

}  // namespace swift::k8sgen
