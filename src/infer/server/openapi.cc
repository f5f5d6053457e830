// GET /openapi.json: what the server takes and gives, as OpenAPI 3.1.
#include "infer/server/routes.h"

namespace swift::infer::server {

using base::Json;

namespace {

Json typed(const char* type) {
  return {{"type", type}};
}

Json nullable(const char* type) {
  return {{"type", Json::array({type, "null"})}};
}

Json between(const char* type, double least, double most) {
  return {{"type", Json::array({type, "null"})}, {"minimum", least}, {"maximum", most}};
}

Json reference(const std::string& name) {
  return {{"$ref", "#/components/schemas/" + name}};
}

Json object(Json properties, Json required) {
  return {{"type", "object"}, {"properties", std::move(properties)}, {"required", std::move(required)}};
}

Json sampling_properties() {
  return {{"model", nullable("string")},
          {"stream", nullable("boolean")},
          {"n", between("integer", 1, 128)},
          {"seed", nullable("integer")},
          {"temperature", between("number", 0, 2)},
          {"top_p", {{"type", Json::array({"number", "null"})}, {"exclusiveMinimum", 0}, {"maximum", 1}}},
          {"top_k", {{"type", Json::array({"integer", "null"})}, {"minimum", -1}}},
          {"min_p", between("number", 0, 1)},
          {"presence_penalty", between("number", -2, 2)},
          {"frequency_penalty", between("number", -2, 2)},
          {"max_tokens", {{"type", Json::array({"integer", "null"})}, {"minimum", 1}}}};
}

Json message_schema() {
  const Json roles = Json::array({"system", "developer", "user", "assistant", "tool", "function"});
  return object({{"role", {{"enum", roles}}},
                 {"content", {{"anyOf", Json::array({typed("string"), typed("array"), typed("null")})}}}},
                Json::array({"role"}));
}

Json schemas() {
  Json chat = sampling_properties();
  chat["messages"] = {{"type", "array"}, {"minItems", 1}, {"items", reference("Message")}};
  Json completion = sampling_properties();
  completion["prompt"] = {{"anyOf", Json::array({typed("string"), typed("array")})}};
  const Json text_or_list = {{"anyOf", Json::array({typed("string"), typed("array")})}};
  const Json error = object({{"message", typed("string")},
                             {"type", typed("string")},
                             {"param", nullable("string")},
                             {"code", nullable("integer")}},
                            Json::array({"message", "type"}));
  return {
      {"Error", object({{"error", error}}, Json::array({"error"}))},
      {"AnthropicError", object({{"type", typed("string")},
                                 {"error", object({{"type", typed("string")}, {"message", typed("string")}},
                                                  Json::array({"message"}))}},
                                Json::array({"type", "error"}))},
      {"Message", message_schema()},
      {"ChatRequest", object(chat, Json::array({"messages"}))},
      {"CompletionRequest", object(completion, Json::array({"prompt"}))},
      {"EmbeddingRequest",
       object({{"model", nullable("string")},
               {"input", text_or_list},
               {"encoding_format", {{"enum", Json::array({"float", "base64"})}}},
               {"dimensions", {{"type", Json::array({"integer", "null"})}, {"minimum", 1}}}},
              Json::array({"input"}))},
      {"ResponsesRequest",
       object({{"model", nullable("string")}, {"input", text_or_list}}, Json::array({"input"}))},
      {"MessagesRequest",
       object({{"model", nullable("string")},
               {"max_tokens", {{"type", "integer"}, {"minimum", 1}}},
               {"messages", {{"type", "array"}, {"minItems", 1}, {"items", reference("Message")}}}},
              Json::array({"messages"}))},
      {"TokenizeRequest", typed("object")},
      {"DetokenizeRequest",
       object({{"tokens", {{"type", "array"}, {"items", {{"type", "integer"}, {"minimum", 0}}}}}},
              Json::array({"tokens"}))},
      {"AdapterRequest",
       object({{"lora_name", typed("string")}, {"lora_path", typed("string")}}, Json::array({"lora_name"}))}};
}

Json content(const char* type, Json schema) {
  return {{type, {{"schema", std::move(schema)}}}};
}

Json operation(const char* id, const char* request, bool streams, const char* result = "application/json") {
  Json success = content(result, Json::object());
  if (streams) success["text/event-stream"] = {{"schema", typed("string")}};
  const bool anthropic = std::string_view(id).find("message") != std::string_view::npos;
  const Json fault = {
      {"description", "A fault"},
      {"content", content("application/json", reference(anthropic ? "AnthropicError" : "Error"))}};
  Json out = {{"operationId", id},
              {"responses", {{"200", {{"description", "Success"}, {"content", success}}}}}};
  if (request != nullptr) {
    out["requestBody"] = {{"required", true}, {"content", content("application/json", reference(request))}};
    for (const char* status : {"400", "403", "413"}) out["responses"][status] = fault;
    out["security"] = Json::array({{{"bearer", Json::array()}}});
  }
  for (const char* status : {"401", "404", "429", "500", "503"}) out["responses"][status] = fault;
  return out;
}

}  // namespace

void openapi(Context& context, const ExchangePtr& exchange) {
  const auto post = [](Json operation_json) { return Json{{"post", std::move(operation_json)}}; };
  const auto get = [](Json operation_json) { return Json{{"get", std::move(operation_json)}}; };
  Json one_model = operation("model", nullptr, false);
  one_model["parameters"] =
      Json::array({{{"name", "id"}, {"in", "path"}, {"required", true}, {"schema", typed("string")}}});
  const char* const text = "text/plain";
  const Json paths = {
      {"/v1/chat/completions", post(operation("chat", "ChatRequest", true))},
      {"/v1/completions", post(operation("completion", "CompletionRequest", true))},
      {"/v1/embeddings", post(operation("embed", "EmbeddingRequest", false))},
      {"/v1/responses", post(operation("respond", "ResponsesRequest", true))},
      {"/v1/messages", post(operation("message", "MessagesRequest", true))},
      {"/v1/messages/count_tokens", post(operation("count_message", "MessagesRequest", false))},
      {"/tokenize", post(operation("tokenize", "TokenizeRequest", false))},
      {"/detokenize", post(operation("detokenize", "DetokenizeRequest", false))},
      {"/v1/load_lora_adapter", post(operation("load", "AdapterRequest", false, text))},
      {"/v1/unload_lora_adapter", post(operation("unload", "AdapterRequest", false, text))},
      {"/v1/models", get(operation("models", nullptr, false))},
      {"/v1/models/{id}", get(one_model)},
      {"/health", get(operation("health", nullptr, false))},
      {"/ready", get(operation("ready", nullptr, false))},
      {"/ping", get(operation("ping", nullptr, false))},
      {"/version", get(operation("version", nullptr, false))},
      {"/metrics", get(operation("metrics", nullptr, false, text))}};
  respond_json(*exchange, {{"openapi", "3.1.0"},
                           {"info", {{"title", "swift"}, {"version", context.options.version}}},
                           {"paths", paths},
                           {"components",
                            {{"schemas", schemas()},
                             {"securitySchemes", {{"bearer", {{"type", "http"}, {"scheme", "bearer"}}}}}}}});
}

}  // namespace swift::infer::server
