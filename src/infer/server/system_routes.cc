// Routes that say something about the server itself.
#include "infer/server/api_error.h"
#include "infer/server/routes.h"

namespace swift::infer::server {

using base::Json;

namespace {

Json model_json(const Context& context, const std::string& id, const std::string& root, const Json& parent) {
  Json permission = {{"id", "modelperm-" + id},
                     {"object", "model_permission"},
                     {"created", context.created},
                     {"allow_create_engine", false},
                     {"allow_sampling", true},
                     {"allow_logprobs", true},
                     {"allow_search_indices", false},
                     {"allow_view", true},
                     {"allow_fine_tuning", false},
                     {"organization", "*"},
                     {"group", nullptr},
                     {"is_blocking", false}};
  return {{"id", id},
          {"object", "model"},
          {"created", context.created},
          {"owned_by", context.options.owned_by},
          {"root", root},
          {"parent", parent},
          {"max_model_len", context.service.max_positions()},
          {"permission", Json::array({std::move(permission)})}};
}

Json model_list(const Context& context) {
  Json list = Json::array();
  for (const std::string& name : context.options.served_model_names) {
    list.push_back(model_json(context, name, context.options.model_root, nullptr));
  }
  for (const Adapter& adapter : context.service.adapters()) {
    list.push_back(model_json(context, adapter.name, adapter.path.string(), context.model_name()));
  }
  return list;
}

}  // namespace

void respond_json(Exchange& exchange, const Json& json) {
  exchange.respond({.body = dump(json)});
}

void health(Context& context, const ExchangePtr& exchange) {
  if (const auto fault = context.fault()) throw ApiError(503, "The model cannot be used: " + *fault + ".");
  respond_json(*exchange, {{"status", "ok"}});
}

void ready(Context& context, const ExchangePtr& exchange) {
  if (context.draining) throw ApiError(503, "The server is stopping.");
  if (const auto fault = context.fault()) throw ApiError(503, "The model cannot be used: " + *fault + ".");
  respond_json(*exchange, {{"status", "ready"}});
}

void version(Context& context, const ExchangePtr& exchange) {
  respond_json(*exchange, {{"version", context.options.version}});
}

void metrics(Context& context, const ExchangePtr& exchange) {
  exchange->respond({.content_type = "text/plain; version=0.0.4; charset=utf-8",
                     .body = context.metrics.text(context.service.stats(), context.service.adapters())});
}

void models(Context& context, const ExchangePtr& exchange) {
  respond_json(*exchange, {{"object", "list"}, {"data", model_list(context)}});
}

void model(Context& context, const ExchangePtr& exchange) {
  const std::string id = exchange->request().path.substr(std::string_view("/v1/models/").size());
  for (const Json& item : model_list(context)) {
    if (item["id"] == id) return respond_json(*exchange, item);
  }
  throw ApiError(404, "The model `" + id + "` does not exist.", "model");
}

}  // namespace swift::infer::server
