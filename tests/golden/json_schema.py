"""Verdicts of python-jsonschema on instances of schemas, for the grammars made from JSON Schema.

Run with jsonschema and rfc3339-validator installed:
    python tests/golden/json_schema.py
Writes json_schema.json: versions and, for each schema, texts of instances that are valid and texts of instances that
are not, written as the grammar writes them (properties in the order of the schema, whole numbers without a fraction).
Every schema meets its own instances and those of POOL. With a file of lines {"case", "done", "text"} as argument
(texts that the grammars have generated) it reports those that are not valid JSON under their schema;
json_schema_generated.jsonl holds such texts, from random walks through the masks over single bytes.
"""
import importlib.metadata
import json
import pathlib
import platform
import sys

import jsonschema

HERE = pathlib.Path(__file__).resolve().parent

POOL = [None, True, False, 0, 1, -1, 7, 100, 1.5, -0.25, "", "a", "foo", "bar", "é", "😀x", "a\"b\\c\n", [], [1], ["a"],
        [1, 2, 3], [[]], {}, {"a": 1}, {"foo": "bar"}, {"a": 1, "b": "x"}, {"x": {"y": [None]}}]

TREE = {"$defs": {"node": {"type": "object", "properties": {
    "value": {"type": "integer"}, "children": {"type": "array", "items": {"$ref": "#/$defs/node"}}},
    "required": ["value"], "additionalProperties": False}}, "$ref": "#/$defs/node"}
LIST = {"type": "object", "properties": {"head": {"type": "string"}, "tail": {"anyOf": [
    {"$ref": "#"}, {"type": "null"}]}}, "required": ["head", "tail"], "additionalProperties": False}

# (schema, its own instances)
CASES = [
    (True, []),
    ({}, [{"deep": [[[{"a": [1.5, None]}]]]}]),
    ({"type": "null"}, []),
    ({"type": "boolean"}, []),
    ({"type": "integer"}, [12345678901234567890, -10]),
    ({"type": "number"}, [0.001, 1e-7, 1e22, -12.5]),
    ({"type": "string"}, ["\u0001", "\t/", "\u2028"]),
    ({"type": "array"}, [[1, "a", None, [2]]]),
    ({"type": "object"}, [{"": ""}, {"a b": {"c": []}}]),
    ({"type": ["string", "null"]}, []),
    ({"type": ["integer", "array"]}, []),
    ({"type": "string", "nullable": False, "title": "t", "description": "d", "default": 1, "examples": [2]}, []),
    ({"enum": ["a", "b", 1, None, [1, 2], {"k": True}]}, ["b", [1, 2], [2, 1], {"k": True}, {"k": False}]),
    ({"const": {"a": 1, "b": "x"}}, []),
    ({"const": "é\"\\"}, ["é\"\\"]),
    ({"type": "string", "enum": ["a", 1, "foo"]}, []),
    ({"type": "string", "minLength": 2}, ["éé", "😀", "😀😀", "\n\n"]),
    ({"type": "string", "maxLength": 3}, ["abcd", "éèê", "éèêë", "😀😀😀", "😀😀😀😀"]),
    ({"type": "string", "minLength": 2, "maxLength": 4}, ["\"\"", "\\\\\\\\\\"]),
    ({"minLength": 2}, []),
    ({"type": "string", "pattern": "^[a-z]+$"}, ["abc", "aBc", "a1"]),
    ({"type": "string", "pattern": "o"}, ["xoy", "\no\n", "xyz"]),
    ({"type": "string", "pattern": "^f|r$"}, ["fx", "xr", "xfx", "\nr"]),
    ({"type": "string", "pattern": "^(a|b){2,3}c?$"}, ["ab", "abc", "babac", "aab", "aabb"]),
    ({"type": "string", "pattern": "[^\\d\\s]\\."}, ["a.", "1.", "x.y", " ."]),
    ({"type": "string", "pattern": "^\"\\\\$"}, ["\"\\", "\""]),
    ({"type": "string", "pattern": "^[a-z]*$", "minLength": 2, "maxLength": 3}, ["ab", "abc", "abcd", "AB"]),
    ({"type": "string", "pattern": "^é+$"}, ["éé"]),
    ({"type": "string", "format": "date"}, ["2024-02-29", "2023-02-29", "1900-02-29", "2000-02-29", "2024-04-31",
                                             "2024-12-31", "0001-01-01", "2024-13-01", "24-01-01"]),
    ({"type": "string", "format": "time"}, ["12:00:00Z", "23:59:59.123+02:00", "24:00:00Z", "12:60:00Z"]),
    ({"type": "string", "format": "date-time"}, ["2024-02-29T12:00:00Z", "2024-02-30T12:00:00Z", "2024-02-28",
                                                  "2024-01-01T00:00:00.5-07:00"]),
    ({"type": "string", "format": "uuid"}, ["123e4567-e89b-12d3-a456-426614174000", "123e4567e89b12d3a456426614174000",
                                             "123e4567-e89b-12d3-a456-42661417400g"]),
    ({"type": "string", "format": "ipv4"}, ["0.0.0.0", "255.255.255.255", "256.1.1.1", "1.2.3", "127.0.0.1"]),
    ({"type": "string", "format": "email"}, ["a.b@example.com"]),
    ({"type": "string", "format": "color-of-mine"}, []),
    ({"type": "integer", "minimum": 0}, [9, 10, -10]),
    ({"type": "integer", "minimum": -5, "maximum": 12}, [-6, -5, -4, 5, 9, 10, 12, 13, 20, 99, -12]),
    ({"type": "integer", "exclusiveMinimum": 10, "exclusiveMaximum": 105}, [9, 10, 11, 99, 104, 105, 110, 1000]),
    ({"type": "integer", "maximum": -3}, [-2, -3, -4, -10, -29, 3]),
    ({"type": "integer", "minimum": 1.5, "maximum": 3.5}, [2, 3, 4]),
    ({"type": "number", "minimum": 0, "maximum": 1}, [0.5, 0.999, 1.001, 1.1, 2, 10, 0.0001, -0.5]),
    ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, [0.5, 0.01, 0.999, 1.001, -0.5]),
    ({"type": "number", "minimum": -1.25, "maximum": 2.75}, [-1.25, -1.26, -1.3, -1.2, 2.75, 2.76, 2.8, 2.7, -2]),
    ({"type": "number", "minimum": 12.345}, [12.344, 12.345, 12.3451, 12.4, 12.35, 13, 12, 9.9, 123.4]),
    ({"type": "number", "exclusiveMaximum": -0.5}, [-0.5, -0.51, -0.49, -0.6, -1, -10.5, 0.5]),
    ({"type": "number", "maximum": 1e20}, [1.5, 99999999999999999999, 100000000000000000001]),
    ({"type": "integer", "multipleOf": 7}, [14, 15, 21, -14, -13, 700, 49]),
    ({"type": "integer", "multipleOf": 5, "minimum": 3, "maximum": 20}, [5, 10, 15, 20, 25, 3]),
    ({"type": "array", "items": {"type": "integer"}}, [[1, 2], [1, "a"], [1, 2, 3, 4]]),
    ({"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 2}, [["a", "b"], ["a", "b", "c"]]),
    ({"type": "array", "minItems": 2}, [[1, 2], [[], {}]]),
    ({"type": "array", "maxItems": 1}, [[1, 2]]),
    ({"type": "array", "maxItems": 0}, []),
    ({"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}]}, [[1, "a"], [1, 2], [1, "a", None]]),
    ({"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "items": False}, [
        [1, "a"], [1, "a", 2], ["a"]]),
    ({"type": "array", "prefixItems": [{"type": "string"}], "items": {"type": "boolean"}, "minItems": 2}, [
        ["a", True], ["a"], ["a", 1], ["a", True, False, True]]),
    ({"type": "array", "items": {"enum": ["a", "b", "c"]}, "uniqueItems": True, "minItems": 1}, [
        ["a", "b"], ["a", "a"], ["c", "a", "b"], ["c", "a", "b", "c"]]),
    ({"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "string"}}}, [
        {"b": "x"}, {"b": 1}, {"a": 1, "b": "x", "c": None}]),
    ({"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "string"}}, "required": ["b"],
      "additionalProperties": False}, [{"b": "x"}, {"a": 2, "b": "x"}, {"b": "x", "c": 1}, {"a": 1, "b": 2}]),
    ({"type": "object", "properties": {"a": True, "b": False}, "additionalProperties": {"type": "string"}}, [
        {"a": [1], "z": "y"}, {"a": [1], "z": 1}, {"b": 1}]),
    ({"type": "object", "additionalProperties": {"type": "integer"}}, [{"p": 1, "q": 2}, {"p": 1, "q": "2"}]),
    ({"type": "object", "required": ["foo"]}, [{"foo": 1, "bar": 2}]),
    ({"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a", "z"]}, [{"a": 1, "z": "y"}]),
    ({"type": "object", "patternProperties": {"^s_": {"type": "string"}, "^i_": {"type": "integer"}},
      "additionalProperties": False}, [{"s_a": "x"}, {"s_a": 1}, {"i_a": 1, "s_": ""}, {"i_a": "x"}, {"o": 1}]),
    ({"type": "object", "properties": {"s_one": {"minLength": 2}, "x": {}}, "patternProperties": {
        "^s_": {"type": "string"}}, "additionalProperties": {"type": "null"}}, [
            {"s_one": "ab"}, {"s_one": "a"}, {"s_one": 12}, {"x": 1, "s_two": "", "z": None}, {"z": 1}]),
    ({"type": "object", "propertyNames": {"pattern": "^[a-f]+$", "maxLength": 3}}, [{"abc": 1}, {"abcd": 1}]),
    ({"type": "object", "properties": {"a": {}, "b": {}, "c": {}}, "minProperties": 2,
      "additionalProperties": False}, [{"a": 1, "c": 2}, {"c": 1}, {"a": 1, "b": 2, "c": 3}]),
    ({"type": "object", "maxProperties": 1}, [{"a": 1, "c": 2}]),
    ({"type": "object", "properties": {"a": {}, "b": {}}, "minProperties": 1, "maxProperties": 2}, [
        {"a": 1, "b": 2, "c": 3}, {"b": 1, "c": 2}, {"c": 1}]),
    ({"anyOf": [{"type": "integer"}, {"type": "string", "maxLength": 2}]}, ["abc"]),
    ({"oneOf": [{"type": "integer"}, {"type": "string"}, {"type": "null"}]}, []),
    ({"oneOf": [{"type": "object", "properties": {"kind": {"const": "a"}, "x": {"type": "integer"}},
                 "required": ["kind", "x"], "additionalProperties": False},
                {"type": "object", "properties": {"kind": {"const": "b"}, "y": {"type": "string"}},
                 "required": ["kind"], "additionalProperties": False}]}, [
                     {"kind": "a", "x": 1}, {"kind": "b", "y": "s"}, {"kind": "b"}, {"kind": "a", "y": "s"}]),
    ({"oneOf": [{"type": "integer", "maximum": 0}, {"type": "integer", "minimum": 1}]}, []),
    ({"oneOf": [{"type": "string", "pattern": "^a"}, {"type": "string", "pattern": "^b"}]}, ["ab", "ba", "ca"]),
    ({"oneOf": [{"enum": [1, 2]}, {"enum": [3, "foo"]}]}, [2, 3]),
    ({"allOf": [{"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
                {"type": "object", "properties": {"b": {"type": "string"}}, "required": ["b"]}]}, [
                    {"a": 1, "b": "x", "c": 2}, {"a": 1, "b": 2}]),
    ({"allOf": [{"minimum": 3}, {"maximum": 10}], "type": "integer"}, [3, 10, 11, 2]),
    ({"allOf": [{"type": "string", "minLength": 2}, {"pattern": "^a"}]}, ["ab", "ba", "aaa"]),
    ({"allOf": [{"anyOf": [{"type": "string"}, {"type": "integer"}]}, {"anyOf": [{"minLength": 2}, {"maximum": 5}]}]},
     []),
    ({"type": "object", "properties": {"a": {}, "b": {}}, "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}, [
        {"b": 1}, {"c": 1}]),
    ({"allOf": [{"properties": {"a": {"type": "integer"}}}, {"additionalProperties": {"maximum": 5}}],
      "type": "object"}, [{"a": 6}, {"a": 5, "b": "x"}, {"a": 2, "z": 7}]),
    ({"$defs": {"p": {"type": "integer", "minimum": 0}}, "type": "object", "properties": {
        "x": {"$ref": "#/$defs/p"}, "y": {"$ref": "#/$defs/p", "maximum": 5}}, "required": ["x", "y"]}, [
            {"x": 9, "y": 5}, {"x": 9, "y": 6}, {"x": -1, "y": 1}]),
    ({"definitions": {"a/b": {"type": "string"}, "c~d": {"type": "null"}}, "type": "array", "items": {
        "anyOf": [{"$ref": "#/definitions/a~1b"}, {"$ref": "#/definitions/c~0d"}]}}, [["x", None], [None, 1]]),
    (TREE, [{"value": 1}, {"value": 1, "children": []}, {"value": 1, "children": [{"value": 2, "children": [
        {"value": 3}]}, {"value": 4}]}, {"value": 1, "children": [{"children": []}]}]),
    (LIST, [{"head": "a", "tail": None}, {"head": "a", "tail": {"head": "b", "tail": None}}, {"head": "a"},
            {"head": "a", "tail": {"head": "b"}}]),
    ({"type": "array", "items": {"$ref": "#"}}, [[[[], []]], [[1]]]),
    ({"type": "object", "properties": {"name": {"type": "string", "minLength": 1}, "age": {
        "type": "integer", "minimum": 0, "maximum": 150}, "tags": {"type": "array", "items": {
            "type": "string", "enum": ["x", "y"]}, "maxItems": 3}, "address": {"type": "object", "properties": {
                "street": {"type": "string"}, "zip": {"type": "string", "pattern": "^[0-9]{5}$"}},
                "required": ["zip"], "additionalProperties": False}, "email": {"type": ["string", "null"]}},
      "required": ["name", "age"], "additionalProperties": False}, [
          {"name": "Ann", "age": 30, "tags": ["x", "y"], "address": {"street": "Main", "zip": "12345"}, "email": None},
          {"name": "", "age": 30}, {"name": "Ann", "age": 151}, {"name": "Ann", "age": 3, "address": {"zip": "1234"}}]),
]


def text(value):
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def validator(schema):
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)


def check_generated(path):
    bad = checked = unfinished = 0
    for line in pathlib.Path(path).read_text().splitlines():
        entry = json.loads(line)
        if not entry["done"]:
            unfinished += 1
            continue
        checked += 1
        schema = CASES[entry["case"]][0]
        try:
            errors = [e.message for e in validator(schema).iter_errors(json.loads(entry["text"]))]
        except ValueError as error:
            errors = [str(error)]
        if errors:
            bad += 1
            print(entry["case"], json.dumps(schema)[:100], entry["text"], errors[:1])
    print(f"{checked} texts, {bad} invalid, {unfinished} cut off before their end")
    return bad


def main():
    if len(sys.argv) > 1:
        sys.exit(check_generated(sys.argv[1]) != 0)
    cases = []
    for schema, own in CASES:
        if isinstance(schema, dict):
            jsonschema.Draft202012Validator.check_schema(schema)
        verdicts = {True: [], False: []}
        for instance in own + POOL:
            line = text(instance)
            if line not in verdicts[True] + verdicts[False]:
                verdicts[validator(schema).is_valid(instance)].append(line)
        cases.append({"schema": schema, "valid": verdicts[True], "invalid": verdicts[False]})
    about = {"made_by": "tests/golden/json_schema.py", "python": platform.python_version(),
             **{name: importlib.metadata.version(name) for name in ("jsonschema", "rfc3339-validator")}}
    lines = ",\n".join("  " + json.dumps(case, ensure_ascii=False) for case in cases)
    (HERE / "json_schema.json").write_text('{"about": ' + json.dumps(about) + ',\n "cases": [\n' + lines + "\n ]}\n")


if __name__ == "__main__":
    main()
