// The members of a JSON object of a request. Null is the same as absent everywhere; faults name the member.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "infer/server/api_error.h"

namespace swift::infer::server {

class Fields {
 public:
  // `path` stands before the members' names in faults: "messages[0]". The object must outlive it.
  // Throws ApiError(400) when it is no object.
  explicit Fields(const base::Json& object, std::string path = {});

  // The value, or null when absent or JSON null. Each of these marks the member as known.
  const base::Json* find(std::string_view key);
  const base::Json& require(std::string_view key);

  // Throw ApiError(400) for another type. A number with a fraction of zero is an integer.
  std::optional<bool> boolean(std::string_view key);
  std::optional<int64_t> integer(std::string_view key);
  std::optional<double> number(std::string_view key);
  std::optional<std::string> text(std::string_view key);
  const base::Json* array(std::string_view key);
  const base::Json* object(std::string_view key);
  // A text, or an array of texts.
  std::vector<std::string> texts(std::string_view key);
  std::vector<int32_t> token_ids(std::string_view key);

  // Members that are accepted without effect.
  void ignore(std::initializer_list<std::string_view> keys);
  // Members that nothing asked for.
  std::vector<std::string> unknown() const;

  std::string path_of(std::string_view key) const;
  [[noreturn]] void fail(std::string_view key, const std::string& message) const;

 private:
  [[noreturn]] void wrong_type(std::string_view key, std::string_view expected,
                               const base::Json& value) const;

  const base::Json& object_;
  std::string path_;
  std::set<std::string, std::less<>> known_;
};

// "a string", "an integer", … as faults say it.
std::string_view type_word(const base::Json& value);

// The body as a JSON object. Throws ApiError(400) for an empty or malformed one, or nesting beyond 256.
base::Json parse_body(const std::string& body);

}  // namespace swift::infer::server
