// The handlers of the server's routes. Those of POST run on a worker thread and may throw: ApiError and
// base::Error become the answer.
#pragma once
#include <memory>

#include "infer/server/context.h"
#include "infer/server/http/exchange.h"

namespace swift::infer::server {

using ExchangePtr = std::shared_ptr<Exchange>;

void chat_completions(Context& context, const ExchangePtr& exchange);
void completions(Context& context, const ExchangePtr& exchange);
void embeddings(Context& context, const ExchangePtr& exchange);
void responses(Context& context, const ExchangePtr& exchange);
void messages(Context& context, const ExchangePtr& exchange);
void count_tokens(Context& context, const ExchangePtr& exchange);
void tokenize(Context& context, const ExchangePtr& exchange);
void detokenize(Context& context, const ExchangePtr& exchange);
void load_lora_adapter(Context& context, const ExchangePtr& exchange);
void unload_lora_adapter(Context& context, const ExchangePtr& exchange);

void health(Context& context, const ExchangePtr& exchange);
void ready(Context& context, const ExchangePtr& exchange);
void version(Context& context, const ExchangePtr& exchange);
void metrics(Context& context, const ExchangePtr& exchange);
void models(Context& context, const ExchangePtr& exchange);
void model(Context& context, const ExchangePtr& exchange);
void openapi(Context& context, const ExchangePtr& exchange);

// 200 with a JSON body.
void respond_json(Exchange& exchange, const base::Json& json);

}  // namespace swift::infer::server
