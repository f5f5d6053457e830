// Log lines on stderr. Callers build the text; the backend (spdlog) stays behind this header, because it
// cannot share a translation unit with torch.
#pragma once
#include <string_view>

namespace swift::base::log {

enum class Level { debug, info, warn, error };

// Lines below this level are dropped. Default: info. SWIFT_LOG_LEVEL overrides it at start.
void set_level(Level level);
void debug(std::string_view text);
void info(std::string_view text);
void warn(std::string_view text);
void error(std::string_view text);

}  // namespace swift::base::log
