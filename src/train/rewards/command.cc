// command:PROGRAM ARGUMENTS. The program is started for each batch, without a shell; it reads one JSON object
// a line until its input ends and writes one JSON number (or null) a line, in order.
#include <filesystem>

#include "base/format.h"
#include "base/subprocess.h"
#include "train/rewards/external.h"

namespace swift::train::rewards {
namespace {

using base::cat;
using base::Error;
using base::ExitCode;
using base::Json;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string line = text.substr(at, end - at);
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.find_first_not_of(" \t") != std::string::npos) lines.push_back(std::move(line));
    at = end + 1;
  }
  return lines;
}

// The script of "python3 reward.py", else the program.
std::string name_of(const std::vector<std::string>& argv) {
  const bool script = argv.size() > 1 && !argv[1].starts_with("-");
  return std::filesystem::path(script ? argv[1] : argv[0]).filename().string();
}

class Command : public Reward {
 public:
  Command(std::vector<std::string> argv, const RewardSettings& settings)
      : argv_(std::move(argv)), settings_(settings), name_(name_of(argv_)) {}

  std::string name() const override { return name_; }

  std::vector<double> score(std::span<const Scored> rows) override {
    std::string input;
    for (const Scored& row : rows)
      input += to_json(row).dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
    return with_retries(name_, settings_, [&] {
      const auto lines = lines_of(base::Subprocess(argv_).finish(input, settings_.timeout));
      if (lines.size() != rows.size()) {
        const size_t at = std::min(lines.size(), rows.size() - 1);
        throw Error(ExitCode::failure, cat("it wrote ", lines.size(), " lines for ", rows.size(), " rows"),
                    rows[at].where, "one number a line, in the order of the input; flush before the end");
      }
      std::vector<double> scores;
      for (size_t i = 0; i < rows.size(); ++i) scores.push_back(read_line(lines[i], rows[i]));
      return scores;
    });
  }

 private:
  double read_line(const std::string& line, const Scored& row) const {
    const Json value = Json::parse(line, nullptr, false);
    return read_score(value.is_discarded() ? Json(line) : value, name_, row);
  }

  std::vector<std::string> argv_;
  RewardSettings settings_;
  std::string name_;
};

}  // namespace

std::unique_ptr<Reward> make_command(const std::string& argument, const RewardSettings& settings) {
  return std::make_unique<Command>(base::split_command(argument), settings);
}

}  // namespace swift::train::rewards
