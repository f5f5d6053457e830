// POST /v1/embeddings
#include <cmath>
#include <cstring>

#include "base/format.h"
#include "infer/server/fields.h"
#include "infer/server/routes.h"

namespace swift::infer::server {

using base::cat;
using base::Json;

namespace {

constexpr size_t kMaxInputs = 2048;

std::string base64(std::string_view bytes) {
  static constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t left = bytes.size() - i;
    uint32_t group = 0;
    for (size_t j = 0; j < 3; ++j)
      group = group << 8 | (j < left ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    for (size_t j = 0; j < 4; ++j) out += j <= left ? kDigits[group >> (18 - 6 * j) & 63] : '=';
  }
  return out;
}

// The first `dimensions` numbers, scaled to length 1 again.
void shorten(std::vector<float>& vector, size_t dimensions) {
  vector.resize(dimensions);
  double square = 0;
  for (const float x : vector) square += static_cast<double>(x) * x;
  if (square <= 0) return;
  for (float& x : vector) x = static_cast<float>(x / std::sqrt(square));
}

Json embedding_json(const std::vector<float>& vector, bool as_base64) {
  if (!as_base64) return vector;
  std::string bytes(vector.size() * sizeof(float), '\0');
  std::memcpy(bytes.data(), vector.data(), bytes.size());  // little-endian, as every machine this runs on
  return base64(bytes);
}

std::vector<std::vector<int32_t>> read_inputs(Fields& fields, Context& context) {
  const Json& input = fields.require("input");
  std::vector<std::vector<int32_t>> out;
  const auto add = [&](const Json& one) {
    if (one.is_string()) {
      out.push_back(context.tokenizer.encode(one.get<std::string>()));
    } else {
      const Json wrapped = {{"input", one}};
      Fields inner(wrapped);
      out.push_back(inner.token_ids("input"));
    }
    if (out.back().empty()) fields.fail("input", "Invalid 'input': an input cannot be empty.");
    if (static_cast<int64_t>(out.back().size()) > context.service.max_positions()) {
      fields.fail("input", cat("This model's maximum context length is ", context.service.max_positions(),
                               " tokens. However, you requested ", out.back().size(),
                               " tokens in the input. Please reduce the length of the input."));
    }
  };
  if (input.is_array() && input.empty()) fields.fail("input", "Invalid 'input': the array cannot be empty.");
  if (!input.is_array() || input.front().is_number()) {
    add(input);
    return out;
  }
  if (input.size() > kMaxInputs) {
    fields.fail("input", cat("Invalid 'input': at most ", kMaxInputs, " inputs a request."));
  }
  for (const Json& one : input) add(one);
  return out;
}

}  // namespace

void embeddings(Context& context, const ExchangePtr& exchange) {
  const Json body = parse_body(exchange->request().body);
  Fields fields(body);
  const auto name = fields.text("model");
  const std::string adapter = context.adapter_of(name);
  const std::string format = fields.text("encoding_format").value_or("float");
  if (format != "float" && format != "base64") {
    fields.fail("encoding_format",
                cat("Invalid value: '", format, "'. Supported values are: 'float' and 'base64'."));
  }
  const auto dimensions = fields.integer("dimensions");
  const auto inputs = read_inputs(fields, context);
  fields.ignore({"user"});
  context.warn_unknown(fields.unknown());
  auto vectors = context.service.embed(inputs, adapter);
  Json data = Json::array();
  int64_t tokens = 0;
  for (size_t i = 0; i < vectors.size(); ++i) {
    if (dimensions) {
      if (*dimensions < 1 || *dimensions > static_cast<int64_t>(vectors[i].size())) {
        fields.fail("dimensions", cat("Invalid 'dimensions': expected an integer from 1 to ",
                                      vectors[i].size(), ", but got ", *dimensions, " instead."));
      }
      shorten(vectors[i], static_cast<size_t>(*dimensions));
    }
    data.push_back({{"object", "embedding"},
                    {"index", i},
                    {"embedding", embedding_json(vectors[i], format == "base64")}});
    tokens += static_cast<int64_t>(inputs[i].size());
  }
  respond_json(*exchange, {{"object", "list"},
                           {"data", std::move(data)},
                           {"model", name.value_or(context.model_name())},
                           {"usage", {{"prompt_tokens", tokens}, {"total_tokens", tokens}}}});
}

}  // namespace swift::infer::server
