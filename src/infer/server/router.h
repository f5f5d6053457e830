// From a request's method and path to its handler, with what holds for all routes: keys, CORS, HEAD, OPTIONS,
// faults as JSON.
#pragma once
#include <memory>
#include <string_view>

#include "infer/server/context.h"
#include "infer/server/http/exchange.h"

namespace swift::infer::server {

class Router {
 public:
  explicit Router(Context& context) : context_(context) {}
  // On the exchange's queue; does not block.
  void handle(const std::shared_ptr<Exchange>& exchange) const;
  // The body of a fault that HTTP itself found. path: empty where it was not read.
  static HttpResponse fault(std::string_view path, int status, const std::string& message);

 private:
  Context& context_;
};

}  // namespace swift::infer::server
