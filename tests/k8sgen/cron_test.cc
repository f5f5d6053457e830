#include "k8sgen/cron.h"

#include <catch2/catch.hpp>

using swift::k8sgen::schedule_fault;
using swift::k8sgen::shifted;

namespace {

std::string fault(std::string_view text) {
  return schedule_fault(text).value_or("");
}

std::string later(std::string_view schedule, long seconds) {
  return shifted(schedule, seconds).value_or("none");
}

}  // namespace

TEST_CASE("schedules that Kubernetes reads are accepted") {
  for (const char* text :
       {"0 2 * * *",       "*/5 * * * *",     "0 0-6 * * *",  "0 22-23/1 * * *", "5/10 * * * *",
        "0 2 * * mon-fri", "0 2 * JAN,jul *", "0 2 1,15 * *", "0 2 ? * 0",       "0  2\t* * *",
        " 0 2 * * * ",     "59 23 31 12 6",   "@daily",       "@midnight",       "@hourly",
        "@weekly",         "@monthly",        "@yearly",      "@annually",       "0 2 29 feb *",
        "0 2 31 2 1",      "0 2 30,31 2,4 *", "00 02 * * *",  "0 2 * * */2"}) {
    INFO(text);
    CHECK(fault(text) == "");
  }
}

TEST_CASE("what is no schedule is refused with the field and the reason") {
  const std::pair<const char*, const char*> table[] = {
      {"", "0 fields; a schedule has 5: minute hour day-of-month month day-of-week"},
      {"0 2 * *", "4 fields; a schedule has 5: minute hour day-of-month month day-of-week"},
      {"0 0 2 * * *", "6 fields; a schedule has 5: minute hour day-of-month month day-of-week"},
      {"daily", "1 field; a schedule has 5: minute hour day-of-month month day-of-week"},
      {"99 2 * * *", "minute: 99 is outside 0-59"},
      {"60 2 * * *", "minute: 60 is outside 0-59"},
      {"0 24 * * *", "hour: 24 is outside 0-23"},
      {"0 2 0 * *", "day of month: 0 is outside 1-31"},
      {"0 2 32 * *", "day of month: 32 is outside 1-31"},
      {"0 2 * 13 *", "month: 13 is outside 1-12"},
      {"0 2 * * 7", "day of week: 7 is outside 0-6; Sunday is 0"},
      {"0 2 * * sunday", "day of week: 'sunday' is no number of 0-6 or sun to sat"},
      {"0 2 * mai *", "month: 'mai' is no number of 1-12 or jan to dec"},
      {"-1 2 * * *", "minute: '' is no number of 0-59"},
      {"0 2:30 * * *", "hour: '2:30' is no number of 0-23"},
      {"0 5-2 * * *", "hour: the range '5-2' begins behind its end"},
      {"0 1-2-3 * * *", "hour: '1-2-3' has more than one hyphen"},
      {"*/0 * * * *", "minute: the step '0' is no number above 0"},
      {"*/x * * * *", "minute: the step 'x' is no number above 0"},
      {"*/ * * * *", "minute: the step '' is no number above 0"},
      {"*/5/2 * * * *", "minute: '*/5/2' has more than one step"},
      {"1,,2 * * * *", "minute: an entry of the list is empty"},
      {"1, * * * *", "minute: an entry of the list is empty"},
      {"0 2 L * *", "day of month: 'L' is no number of 1-31"},
      {"0 2 * * 1#2", "day of week: '1#2' is no number of 0-6 or sun to sat"},
      {"*-5 * * * *", "minute: '*' is no number of 0-59"},
      {"0 2 30 2 *", "never fires; no month that it names has that day"},
      {"0 2 31 4,jun,9,11 *", "never fires; no month that it names has that day"},
      {"99999999999 * * * *", "minute: '99999999999' is no number of 0-59"},
      {"@reboot", "unknown macro; write five fields, or @hourly, @daily, @weekly, @monthly or @yearly"},
      {"@Daily", "unknown macro; write five fields, or @hourly, @daily, @weekly, @monthly or @yearly"},
      {"@every 1h",
       "@every has no fixed time of day; write five fields, or @hourly, @daily, @weekly, @monthly or "
       "@yearly"},
      {"TZ=Asia/Tokyo 0 2 * * *",
       "names a time zone; write the five fields alone and the zone as the time zone of the job"},
      {"CRON_TZ=UTC 0 2 * * *",
       "names a time zone; write the five fields alone and the zone as the time zone of the job"}};
  for (const auto& [text, why] : table) {
    INFO(text);
    CHECK(fault(text) == why);
  }
}

TEST_CASE("a schedule moves within its day") {
  CHECK(later("0 2 * * *", 3600) == "0 3 * * *");
  CHECK(later("0 2 * * *", 0) == "0 2 * * *");
  CHECK(later("30 2 * * 1-5", 45 * 60) == "15 3 * * 1-5");
  CHECK(later("0 2 * * *", -600) == "50 1 * * *");
  CHECK(later("0 2 1 jan *", 60) == "1 2 1 jan *");
  CHECK(later("@daily", 90 * 60) == "30 1 * * *");
}

TEST_CASE("a schedule that moves past midnight takes its weekdays along") {
  CHECK(later("0 22 * * *", 4 * 3600) == "0 2 * * *");
  CHECK(later("0 22 * * ?", 4 * 3600) == "0 2 * * ?");
  CHECK(later("0 22 * * 1-5", 4 * 3600) == "0 2 * * 2-6");
  CHECK(later("0 22 * * mon,wed,sat", 4 * 3600) == "0 2 * * 0,2,4");
  CHECK(later("0 22 * * 6", 4 * 3600) == "0 2 * * 0");
  CHECK(later("0 22 * * */2", 4 * 3600) == "0 2 * * 0-1,3,5");
  CHECK(later("0 2 * * 0", -4 * 3600) == "0 22 * * 6");
  CHECK(later("0 0 * * 3", -60) == "59 23 * * 2");
  CHECK(later("59 23 * * 3", 60) == "0 0 * * 4");
  CHECK(later("0 2 * * 1", 7 * 86400) == "0 2 * * 1");
  CHECK(later("0 2 * * 1", 30 * 3600) == "0 8 * * 2");
  CHECK(later("0 2 * * 1", -50 * 3600) == "0 0 * * 6");
}

TEST_CASE("what is no single later schedule is none") {
  CHECK(later("0 22 1 * *", 4 * 3600) == "none");
  CHECK(later("0 22 * 1 *", 4 * 3600) == "none");
  CHECK(later("0 2,3 * * *", 60) == "none");
  CHECK(later("*/5 2 * * *", 60) == "none");
  CHECK(later("0 * * * *", 60) == "none");
  CHECK(later("@hourly", 60) == "none");
  CHECK(later("0 2 * * *", 30) == "none");
  CHECK(later("0 2 * *", 60) == "none");
}
