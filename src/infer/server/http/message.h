// A request and a response of HTTP as plain data.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace swift::infer::server {

struct Header {
  std::string name;
  std::string value;
};

struct HttpRequest {
  std::string method;  // "GET"
  std::string path;    // percent-decoded, without the query
  std::string query;   // behind '?', as sent
  std::vector<Header> headers;
  std::string body;
  std::string peer;  // the client's address

  // Value of the first header of that name, in any case of letters.
  std::optional<std::string_view> header(std::string_view name) const;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::vector<Header> headers;  // beside Content-Type, Content-Length, Date and Connection
  std::string body;
};

// "Not Found" of 404.
std::string_view reason_phrase(int status);

// "%20" to " "; a '%' that no two hex digits follow stays.
std::string percent_decode(std::string_view text);

// Whether the texts are equal but for the case of ASCII letters.
bool equal_ignoring_case(std::string_view a, std::string_view b);

// What framing the body of a response has.
enum class Framing { length, chunked, until_close };

// Status line and headers with the empty line behind them. `length` counts for Framing::length.
std::string response_head(const HttpResponse& response, Framing framing, size_t length, bool keep_alive);

// One chunk of chunked transfer coding; the text must not be empty.
std::string chunk(std::string_view text);

}  // namespace swift::infer::server
