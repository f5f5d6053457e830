#include "train/rewards/external.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <thread>

#include "base/format.h"
#include "base/log.h"

namespace swift::train::rewards {

using base::cat;
using base::Error;
using base::ExitCode;
using base::Json;

Json to_json(const Scored& row) {
  Json json = {{"prompt", row.prompt},
               {"completion", row.completion},
               {"messages", row.messages},
               {"completion_tokens", row.tokens},
               {"truncated", row.truncated}};
  if (row.columns == nullptr) return json;
  for (const auto& [key, value] : row.columns->items())
    if (!json.contains(key)) json[key] = value;
  return json;
}

double read_score(const Json& value, const std::string& reward, const Scored& row) {
  if (value.is_null()) return std::numeric_limits<double>::quiet_NaN();
  if (value.is_number() && std::isfinite(value.get<double>())) return value.get<double>();
  std::string shown = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (shown.size() > 60) shown = shown.substr(0, 57) + "...";
  throw Error(ExitCode::failure,
              cat("reward ", reward, " gave ", shown, " for this row, which is no finite number"), row.where,
              "a reward is a number, or null where it does not apply");
}

std::vector<double> with_retries(const std::string& reward, const RewardSettings& settings,
                                 const std::function<std::vector<double>()>& attempt) {
  for (int64_t tried = 1;; ++tried) {
    try {
      return attempt();
    } catch (const Error& error) {
      const bool final = error.code() == ExitCode::usage || static_cast<int>(error.code()) > 128;
      if (final) throw;
      if (tried > settings.max_retries) {
        throw Error(
            ExitCode::failure,
            cat("reward ", reward, " failed ", tried, tried == 1 ? " time: " : " times: ", error.message()),
            error.where(), error.hint());
      }
      base::log::warn(cat("reward ", reward, ": ", error.message(), "; trying again"));
      const double pause = std::min(30.0, 0.5 * std::pow(2.0, static_cast<double>(tried - 1)));
      if (settings.sleep) {
        settings.sleep(pause);
      } else {
        std::this_thread::sleep_for(std::chrono::duration<double>(pause));
      }
    }
  }
}

}  // namespace swift::train::rewards
