// The schedule of a CronJob: five fields, as Kubernetes reads them (robfig/cron's standard parser).
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace swift::k8sgen {

// Why the text is no schedule ("6 fields; a schedule has 5: minute hour day month weekday", "minute: 99 is
// outside 0-59"), or nothing when it is one. Accepts lists, ranges, steps, names of months and weekdays, ?,
// and the macros
// @yearly @annually @monthly @weekly @daily @midnight @hourly. TZ= and @every are refused.
std::optional<std::string> schedule_fault(std::string_view text);

// The schedule that many seconds later, when the schedule names one minute and one hour, every day of the
// month, and any weekdays; whole minutes. Nothing when that cannot be written as one schedule.
std::optional<std::string> shifted(std::string_view schedule, long seconds);

}  // namespace swift::k8sgen
