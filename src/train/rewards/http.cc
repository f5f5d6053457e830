// http(s)://…: the batch is sent as a JSON array of objects; a JSON array of numbers (or null) comes back, or
// an object whose "rewards" is that array.
#include "base/format.h"
#include "infer/http_client.h"
#include "train/rewards/external.h"

namespace swift::train::rewards {
namespace {

using base::cat;
using base::Error;
using base::ExitCode;
using base::Json;

class Http : public Reward {
 public:
  Http(std::string url, const RewardSettings& settings)
      : url_(std::move(url)),
        settings_(settings),
        name_(infer::parse_url(url_).host + infer::parse_url(url_).path) {}

  std::string name() const override { return name_; }

  std::vector<double> score(std::span<const Scored> rows) override {
    Json body = Json::array();
    for (const Scored& row : rows) body.push_back(to_json(row));
    return with_retries(name_, settings_, [&] {
      const infer::HttpReply reply = infer::http_request("POST", url_, body, settings_.timeout);
      if (reply.status != 200)
        throw Error(ExitCode::failure,
                    cat(url_, " answered with status ", reply.status, ": ", reply.body.substr(0, 200)));
      Json values = Json::parse(reply.body, nullptr, false);
      if (values.is_object() && values.contains("rewards")) values = Json(values["rewards"]);
      if (!values.is_array())
        throw Error(ExitCode::failure, url_ + " did not answer with a JSON array of numbers");
      if (values.size() != rows.size()) {
        throw Error(ExitCode::failure,
                    cat(url_, " gave ", values.size(), " scores for ", rows.size(), " rows"),
                    rows[std::min(values.size(), rows.size() - 1)].where);
      }
      std::vector<double> scores;
      for (size_t i = 0; i < rows.size(); ++i) scores.push_back(read_score(values[i], name_, rows[i]));
      return scores;
    });
  }

 private:
  std::string url_;
  RewardSettings settings_;
  std::string name_;
};

}  // namespace

std::unique_ptr<Reward> make_http(const std::string& url, const RewardSettings& settings) {
  return std::make_unique<Http>(url, settings);
}

}  // namespace swift::train::rewards
