#include "text/grammar/json_text.h"

namespace swift::text::grammar {

namespace {

constexpr size_t most_indentation = 32;

struct Escape {
  uint8_t byte;
  uint8_t letter;
};
constexpr Escape escapes[] = {{'"', '"'},  {'\\', '\\'}, {'/', '/'},  {'\b', 'b'},
                              {'\f', 'f'}, {'\n', 'n'},  {'\r', 'r'}, {'\t', 't'}};

bool stands_for_itself(int byte) {
  return byte >= 0x20 && byte != '"' && byte != '\\';
}

}  // namespace

Whitespace Whitespace::of(bool indented) {
  const ExpressionPtr blank = optional(literal(" "));
  if (!indented) return {literal(""), blank, blank};
  const ExpressionPtr line = sequence({literal("\n"), repeat(literal(" "), 0, most_indentation)});
  return {optional(line), optional(choice({literal(" "), line})), blank};
}

ExpressionPtr any_string_character() {
  CodePoints plain{{0, 0x1F}, {'"', '"'}, {'\\', '\\'}};
  const ExpressionPtr hex = one_of({{'0', '9'}, {'a', 'f'}, {'A', 'F'}});
  const ExpressionPtr two = sequence({hex, hex});
  const ExpressionPtr not_surrogate =
      choice({sequence({one_of({{'0', '9'}, {'a', 'c'}, {'A', 'C'}, {'e', 'f'}, {'E', 'F'}}), hex}),
              sequence({one_of({{'d', 'd'}, {'D', 'D'}}), one_of({{'0', '7'}})})});
  const ExpressionPtr d = one_of({{'d', 'd'}, {'D', 'D'}});
  const ExpressionPtr pair = sequence({d, one_of({{'8', '9'}, {'a', 'b'}, {'A', 'B'}}), two, literal("\\u"),
                                       d, one_of({{'c', 'f'}, {'C', 'F'}}), two});
  return choice(
      {one_of(plain.complement()),
       sequence({literal("\\"),
                 choice({one_of(CodePoints::of(U"\"\\/bfnrt")),
                         sequence({literal("u"), choice({sequence({not_surrogate, two}), pair})})})})});
}

ExpressionPtr json_string(const std::string& text) {
  return literal(base::Json(text).dump());
}

ExpressionPtr json_value(const base::Json& value, const Whitespace& whitespace) {
  if (!value.is_structured()) return literal(value.dump());
  std::vector<ExpressionPtr> parts{literal(value.is_object() ? "{" : "[")};
  if (!value.empty()) parts.push_back(whitespace.inside);
  bool first = true;
  for (const auto& [key, member] : value.items()) {
    if (!first) parts.insert(parts.end(), {literal(","), whitespace.comma});
    first = false;
    if (value.is_object()) parts.insert(parts.end(), {json_string(key), literal(":"), whitespace.colon});
    parts.push_back(json_value(member, whitespace));
  }
  if (!value.empty()) parts.push_back(whitespace.inside);
  parts.push_back(literal(value.is_object() ? "}" : "]"));
  return sequence(std::move(parts));
}

ExpressionPtr json_strings(const Automaton& decoded) {
  const auto count = static_cast<StateId>(decoded.states.size());
  Automaton body;
  body.states.resize(2 * size_t{count});  // count + s: after a backslash in state s
  for (StateId s = 0; s < count; ++s) {
    Automaton::State& plain = body.states[s];
    Automaton::State& escaped = body.states[count + s];
    plain.final = decoded.states[s].final;
    for (const ByteEdge& edge : decoded.states[s].bytes) {
      for (int b = edge.first; b <= edge.last; ++b) {
        if (!stands_for_itself(b)) continue;
        const auto byte = static_cast<uint8_t>(b);
        if (!plain.bytes.empty() && plain.bytes.back().to == edge.to && plain.bytes.back().last + 1 == b)
          plain.bytes.back().last = byte;
        else
          plain.bytes.push_back({byte, byte, edge.to});
      }
    }
    for (const Escape& escape : escapes) {
      if (const auto to = next_state(decoded, s, escape.byte))
        escaped.bytes.push_back({escape.letter, escape.letter, *to});
    }
    if (!escaped.bytes.empty()) plain.bytes.push_back({'\\', '\\', count + s});
  }
  return sequence({literal("\""), embed(trimmed(std::move(body))), literal("\"")});
}

ExpressionPtr any_number(bool whole) {
  const ExpressionPtr digit = one_of({{'0', '9'}});
  const ExpressionPtr positive = sequence({one_of({{'1', '9'}}), repeat(digit, 0)});
  if (whole) return choice({literal("0"), sequence({optional(literal("-")), positive})});
  // Readers take numbers as doubles: 1e705 would be no number to them.
  const ExpressionPtr exponent = choice({sequence({optional(literal("+")), repeat(digit, 1, 2)}),
                                         sequence({literal("-"), repeat(digit, 1, 3)})});
  return sequence({optional(literal("-")), choice({literal("0"), positive}),
                   optional(sequence({literal("."), repeat(digit, 1)})),
                   optional(sequence({one_of(CodePoints::of(U"eE")), exponent}))});
}

}  // namespace swift::text::grammar
