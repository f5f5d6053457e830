// Whether a JSON value is valid under a JSON Schema (draft 2020-12, and items lists of older drafts).
#pragma once
#include <string>

#include "base/json.h"

namespace swift::train::rewards {

// Keywords: type, enum, const, properties, required, additionalProperties, patternProperties,
// min/maxProperties, items, prefixItems, min/maxItems, uniqueItems, contains, minimum, maximum,
// exclusiveMinimum, exclusiveMaximum, multipleOf, min/maxLength, pattern, anyOf, oneOf, allOf, not, if, then,
// else, and $ref inside of the schema. format and annotations say nothing. Throws base::Error(usage) for a
// malformed schema or another keyword that would constrain.
void require_known_schema(const base::Json& schema);
// The schema must be a known one.
bool is_valid(const base::Json& value, const base::Json& schema);

}  // namespace swift::train::rewards
