// Gives every name of a parsed template its slot, and finds the errors that need no data: unknown filters and
// tests, break outside a loop, assigning to `loop`.
#pragma once
#include "text/jinja/ast.h"

namespace swift::text::jinja {

// Throws SyntaxError.
void bind(Function& program);

}  // namespace swift::text::jinja
