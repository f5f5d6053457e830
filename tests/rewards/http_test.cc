// Rewards behind an HTTP address: what is sent, both forms of the answer, and answers that are wrong.
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <catch2/catch.hpp>
#include <thread>

#include "train/rewards/external.h"
#include "train/rewards/reward.h"

using namespace swift;
using namespace swift::train::rewards;
using base::Json;
namespace asio = boost::asio;
namespace http = boost::beast::http;

namespace {

struct Answer {
  unsigned status = 200;
  std::string body;
};

// Answers as many requests as there are answers, one connection each, and keeps what was asked.
class Endpoint {
 public:
  explicit Endpoint(std::vector<Answer> answers)
      : acceptor_(context_, {asio::ip::address_v4::loopback(), 0}), answers_(std::move(answers)) {
    thread_ = std::thread([this] { serve(); });
  }
  ~Endpoint() {
    if (thread_.joinable()) thread_.join();
  }

  std::string url() const {
    return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()) + "/score";
  }
  // What was asked; waits until every answer is given.
  const std::vector<http::request<http::string_body>>& asked() {
    if (thread_.joinable()) thread_.join();
    return asked_;
  }

 private:
  void serve() {
    for (const Answer& answer : answers_) {
      asio::ip::tcp::socket socket = acceptor_.accept();
      boost::beast::flat_buffer buffer;
      http::request<http::string_body> request;
      http::read(socket, buffer, request);
      asked_.push_back(request);
      http::response<http::string_body> response(http::int_to_status(answer.status), 11);
      response.body() = answer.body;
      response.prepare_payload();
      http::write(socket, response);
    }
  }

  asio::io_context context_;
  asio::ip::tcp::acceptor acceptor_;
  std::vector<Answer> answers_;
  std::vector<http::request<http::string_body>> asked_;
  std::thread thread_;
};

std::vector<double> score(const std::string& url, int rows, int retries = 0) {
  RewardSettings settings;
  settings.timeout = 10;
  settings.max_retries = retries;
  settings.sleep = [](double) {};
  const Json columns = {{"solution", "4"}};
  std::vector<Scored> scored(static_cast<size_t>(rows));
  for (size_t i = 0; i < scored.size(); ++i) {
    scored[i].prompt = "2 + 2";
    scored[i].completion = std::to_string(i);
    scored[i].messages = Json::array();
    scored[i].columns = &columns;
    scored[i].where = {"rows.jsonl", static_cast<int>(i) + 1, 0};
  }
  return make_reward(url, settings)->score(scored);
}

}  // namespace

TEST_CASE("an HTTP reward gets the batch as one JSON array and answers in order") {
  Endpoint endpoint({{200, "[1, -0.5, 0.25]"}});
  CHECK(score(endpoint.url(), 3) == std::vector<double>{1, -0.5, 0.25});
  REQUIRE(endpoint.asked().size() == 1);
  const auto& request = endpoint.asked().front();
  CHECK(request.method() == http::verb::post);
  CHECK(request.target() == "/score");
  CHECK(request[http::field::content_type] == "application/json");
  const Json body = Json::parse(request.body());
  REQUIRE(body.size() == 3);
  CHECK(body[1].at("prompt") == "2 + 2");
  CHECK(body[1].at("completion") == "1");
  CHECK(body[1].at("solution") == "4");
}

TEST_CASE("an HTTP reward may answer with an object, and with null for rows it does not judge") {
  Endpoint endpoint({{200, R"({"rewards": [null, 2]})"}});
  const auto scores = score(endpoint.url(), 2);
  CHECK(std::isnan(scores[0]));
  CHECK(scores[1] == 2);
}

TEST_CASE("wrong answers of an HTTP reward say what came and for which row") {
  const auto fails = [](Answer answer, const std::string& with) {
    Endpoint endpoint({std::move(answer)});
    INFO(with);
    CHECK_THROWS_WITH(score(endpoint.url(), 2), Catch::Contains(with));
  };
  fails({500, "out of memory"}, "status 500: out of memory");
  fails({200, "[1]"}, "gave 1 scores for 2 rows");
  fails({200, "fine"}, "JSON array of numbers");
  fails({200, R"([1, "good"])"}, "rows.jsonl");
}

TEST_CASE("an HTTP reward that fails once is asked again") {
  Endpoint endpoint({{503, "starting"}, {200, "[3]"}});
  CHECK(score(endpoint.url(), 1, 2) == std::vector<double>{3});
  CHECK(endpoint.asked().size() == 2);
}
