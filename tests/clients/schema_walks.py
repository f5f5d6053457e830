"""What the masks of a schema let through is valid under it, says jsonschema-rs; what has no grammar is refused by name.

usage: schema_walks.py ENVIRONMENT SCHEMA_WALKS TOKENIZER…

The schemas have the shapes of the JSON-Schema-Test-Suite, keyword by keyword (its files are named in the comments),
written anew. Random walks over a real vocabulary write texts that the masks allow.
"""

import json
import pathlib
import subprocess
import sys

import environment

program = environment.enter()
import jsonschema_rs

WALKS = 12


def obj(properties, required=None, **more):
    schema = {"type": "object", "properties": properties, **more}
    return schema if required is None else {**schema, "required": required}


NODE = obj({"value": {"type": "number"}, "left": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/node"}]}}, ["value"])
ACCEPTED = [
    # additionalProperties
    obj({"foo": {}, "bar": {}}, additionalProperties=False),
    obj({"foo": {}, "bar": {}}, patternProperties={"^v": {}}, additionalProperties=False),
    {"type": "object", "patternProperties": {"^á": {}}, "additionalProperties": False},
    obj({"foo": {}, "bar": {}}, additionalProperties={"type": "boolean"}),
    {"additionalProperties": {"type": "boolean"}},
    {"type": "object", "additionalProperties": {"type": "object", "additionalProperties": {"enum": [1, 2]}}},
    obj({"foo": {}}, additionalProperties={"type": "null"}, maxProperties=3),
    # allOf
    {"allOf": [obj({"bar": {"type": "integer"}}, ["bar"]), obj({"foo": {"type": "string"}}, ["foo"])]},
    obj({"bar": {"type": "integer"}}, ["bar"], allOf=[obj({"foo": {"type": "string"}}, ["foo"]),
                                                      obj({"baz": {"type": "null"}}, ["baz"])]),
    {"allOf": [{"maximum": 30}, {"minimum": 20}]},
    {"allOf": [True, True], "type": "integer"},
    {"allOf": [{}, {"type": "number"}]},
    {"allOf": [{"multipleOf": 2}], "anyOf": [{"multipleOf": 3}], "oneOf": [{"multipleOf": 5}]},
    # anyOf
    {"anyOf": [{"type": "integer"}, {"minimum": 2}]},
    {"type": "string", "anyOf": [{"maxLength": 2}, {"minLength": 4}]},
    {"anyOf": [True, False]},
    {"anyOf": [obj({"bar": {"type": "integer"}}, ["bar"]), obj({"foo": {"type": "string"}}, ["foo"])]},
    {"anyOf": [{"anyOf": [{"type": "null"}]}]},
    # boolean_schema
    True,
    {},
    obj({"foo": True, "bar": False}),
    {"items": False},
    # const, enum
    {"const": 2},
    {"const": {"foo": "bar", "baz": "bax"}},
    {"const": [{"foo": "bar"}]},
    {"const": None},
    {"const": False},
    {"const": {"a": False}},
    {"const": -2.0},
    {"const": 9007199254740992},
    {"const": "hello\u0000there"},
    {"const": "\"\\\b\f\n\r\t/\u2028 é 😀"},
    {"enum": [1, 2, 3]},
    {"enum": [6, "foo", [], True, {"foo": 12}]},
    {"enum": [6, None]},
    obj({"foo": {"enum": ["foo"]}, "bar": {"enum": ["bar"]}}, ["bar"]),
    {"enum": ["foo\nbar", "foo\rbar"]},
    {"enum": [[False], [0], {"a": True}]},
    # default, title, $comment, examples, deprecated: annotations
    obj({"foo": {"type": "integer", "default": [], "title": "t", "$comment": "c", "examples": ["x"],
                 "deprecated": True, "readOnly": True, "description": "d"}}, ["foo"]),
    # content: an annotation
    {"type": "string", "contentMediaType": "application/json", "contentEncoding": "base64"},
    # defs, ref, infinite-loop-detection
    {"$defs": {"int": {"type": "integer"}}, "allOf": [{"$ref": "#/$defs/int"}, {"minimum": 3}]},
    obj({"foo": {"$ref": "#"}}, additionalProperties=False),
    obj({"foo": {"type": "integer"}, "bar": {"$ref": "#/properties/foo"}}, ["bar"]),
    {"prefixItems": [{"type": "integer"}, {"$ref": "#/prefixItems/0"}]},
    {"$defs": {"tilde~field": {"type": "integer"}, "slash/field": {"type": "integer"},
               "percent%field": {"type": "integer"}},
     "type": "object", "properties": {"tilde": {"$ref": "#/$defs/tilde~0field"},
                                      "slash": {"$ref": "#/$defs/slash~1field"},
                                      "percent": {"$ref": "#/$defs/percent%25field"}}},
    {"$defs": {"a": {"type": "integer"}, "b": {"$ref": "#/$defs/a"}, "c": {"$ref": "#/$defs/b"}}, "$ref": "#/$defs/c"},
    {"$defs": {"reffed": {"type": "array"}}, "properties": {"foo": {"$ref": "#/$defs/reffed", "maxItems": 2}}},
    obj({"$ref": {"type": "string"}}, ["$ref"]),
    {"$defs": {"bool": True}, "$ref": "#/$defs/bool"},
    {"$defs": {"node": NODE}, "$ref": "#/$defs/node"},
    {"$defs": {"list": {"type": "array", "items": {"$ref": "#/$defs/item"}},
               "item": obj({"name": {"type": "string"}, "more": {"$ref": "#/$defs/list"}}, ["name"])},
     "$ref": "#/$defs/list"},
    {"definitions": {"positive": {"exclusiveMinimum": 0, "type": "number"}}, "items": {"$ref": "#/definitions/positive"},
     "type": "array"},
    # minimum, maximum and their exclusive forms
    {"minimum": 1.1},
    {"minimum": -2},
    {"maximum": 3.0},
    {"maximum": 300},
    {"exclusiveMinimum": 1.1},
    {"exclusiveMaximum": 3.0},
    {"type": "integer", "minimum": 1, "maximum": 1},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.001},
    {"type": "integer", "minimum": -1000, "maximum": 999999999999},
    {"type": "number", "minimum": 1e-3, "maximum": 1e3},
    # multipleOf
    {"type": "integer", "multipleOf": 7, "minimum": -30, "maximum": 50},
    {"multipleOf": 2},
    # minLength, maxLength
    {"minLength": 2},
    {"maxLength": 2},
    {"type": "string", "minLength": 3, "maxLength": 3},
    {"type": "string", "minLength": 2.0},
    # minItems, maxItems, minProperties, maxProperties
    {"minItems": 1},
    {"maxItems": 2},
    {"type": "array", "minItems": 2, "maxItems": 4, "items": {"type": "boolean"}},
    {"minProperties": 1, "type": "object", "properties": {"a": {}, "b": {}}},
    {"maxProperties": 2, "type": "object"},
    {"maxProperties": 0, "type": "object"},
    # items, prefixItems
    {"items": {"type": "integer"}},
    {"type": "array", "items": {"type": "array", "items": {"type": "array", "items": {"type": "number"}}}},
    {"prefixItems": [{"type": "integer"}, {"type": "string"}]},
    {"prefixItems": [{}, {}, {}], "items": False},
    {"prefixItems": [{"type": "string"}], "items": {"type": "integer"}},
    {"prefixItems": [True, {"type": "null"}], "minItems": 2},
    # oneOf
    {"oneOf": [{"type": "integer", "maximum": 1}, {"type": "integer", "minimum": 2}]},
    {"type": "string", "oneOf": [{"minLength": 4}, {"maxLength": 2}]},
    {"oneOf": [{"type": "null"}, {"type": "string"}, {"type": "array", "items": {"type": "null"}}]},
    {"oneOf": [obj({"t": {"const": "a"}, "x": {"type": "integer"}}, ["t", "x"], additionalProperties=False),
               obj({"t": {"const": "b"}, "y": {"type": "string"}}, ["t"], additionalProperties=False)]},
    {"oneOf": [True, False, False]},
    # pattern
    {"pattern": "^a*$"},
    {"type": "string", "pattern": "a+"},
    {"type": "string", "pattern": "^\\d{3}-\\w+\\s?[^a-z]$"},
    {"type": "string", "pattern": "^(?:[A-Z]{2,3}|x)(\\.[0-9]+)*$"},
    {"type": "string", "pattern": "^\\S(|(.|\\n)*\\S)\\Z".replace("\\Z", "$")},
    {"type": "string", "pattern": "^[\\u0041-\\u005A]{2}$"},
    {"type": "string", "pattern": "^\\$[0-9]+\\.[0-9]{2}$", "maxLength": 8},
    # patternProperties, propertyNames
    {"type": "object", "patternProperties": {"f.*o": {"type": "integer"}}, "additionalProperties": False},
    {"type": "object", "patternProperties": {"^a": {"type": "integer"}, "^b": {"maximum": 20}},
     "additionalProperties": False, "maxProperties": 3},
    {"type": "object", "propertyNames": {"maxLength": 3}},
    {"type": "object", "propertyNames": {"pattern": "^a+$"}, "additionalProperties": {"type": "boolean"}},
    {"type": "object", "propertyNames": {"enum": ["a", "b"]}},
    # properties, required
    obj({"foo": {"type": "integer"}, "bar": {"type": "string"}}),
    obj({"foo": {"type": "array", "maxItems": 3}, "bar": {"type": "array"}}, additionalProperties={"type": "integer"}),
    obj({"foo\nbar": {"type": "number"}, "foo\"bar": {"type": "number"}, "foo\\bar": {"type": "number"},
         "foo\tbar": {}, "é😀": {"type": "null"}}, ["foo\nbar", "foo\"bar", "foo\\bar", "foo\tbar", "é😀"]),
    obj({"__proto__": {"type": "number"}, "toString": obj({"length": {"type": "string"}}),
         "constructor": {"type": "number"}}, ["__proto__", "toString", "constructor"]),
    obj({"foo": {}, "bar": {}}, ["foo"]),
    obj({"foo": {}}, []),
    {"type": "object", "required": ["foo bar", "ba\"z"]},
    # type
    *({"type": name} for name in ("integer", "number", "string", "object", "array", "boolean", "null")),
    {"type": ["integer", "string"]},
    {"type": ["array", "object", "null"]},
    {"type": ["string"]},
    # uniqueItems
    {"type": "array", "items": {"enum": [1, 2, "a"]}, "uniqueItems": True},
    {"type": "array", "items": {"type": "boolean"}, "uniqueItems": False},
    {"type": "array", "items": {"enum": ["x", "y", "z"]}, "uniqueItems": True, "minItems": 2, "maxItems": 3},
    # format
    *({"type": "string", "format": name} for name in ("date", "time", "date-time", "duration", "uuid", "ipv4",
                                                      "ipv6", "email", "hostname", "uri")),
    {"type": "string", "format": "color-of-mine"},
    # unknownKeyword, id, vocabulary
    {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "http://localhost/x.json", "type": "integer"},
    {"x-order": 3, "type": "string", "maxLength": 4},
    # together
    obj({"name": {"type": "string", "minLength": 1, "maxLength": 20}, "age": {"type": "integer", "minimum": 0,
                                                                               "maximum": 150},
         "email": {"type": ["string", "null"], "maxLength": 30}, "tags": {"type": "array", "items": {
             "type": "string", "enum": ["x", "y"]}, "maxItems": 3, "uniqueItems": True},
         "address": obj({"zip": {"type": "string", "pattern": "^[0-9]{5}$"}}, ["zip"], additionalProperties=False)},
        ["name", "age", "tags", "address"], additionalProperties=False),
]

# Each with the word that the refusal must hold.
REFUSED = [
    ({"not": {"type": "integer"}}, "'not'"),
    ({"if": {"type": "integer"}, "then": {"minimum": 1}}, "'if'"),
    ({"then": {"minimum": 1}}, "'then'"),
    ({"else": {"minimum": 1}}, "'else'"),
    ({"contains": {"type": "integer"}}, "'contains'"),
    ({"type": "array", "contains": {}, "minContains": 2}, "'contains'"),
    ({"maxContains": 2}, "'maxContains'"),
    ({"dependencies": {"a": ["b"]}}, "'dependencies'"),
    ({"dependentRequired": {"a": ["b"]}}, "'dependentRequired'"),
    ({"dependentSchemas": {"a": {}}}, "'dependentSchemas'"),
    ({"unevaluatedItems": False}, "'unevaluatedItems'"),
    ({"unevaluatedProperties": False}, "'unevaluatedProperties'"),
    ({"$dynamicRef": "#node"}, "'$dynamicRef'"),
    ({"$recursiveRef": "#"}, "'$recursiveRef'"),
    ({"multipleOf": 0.01}, "'multipleOf'"),
    ({"type": "array", "uniqueItems": True}, "'uniqueItems'"),
    ({"type": "string", "pattern": "^(?!a)b"}, "invalid regex"),
    ({"type": "string", "pattern": "(a)\\1"}, "invalid regex"),
    ({"$ref": "http://localhost/other.json"}, "'$ref'"),
    ({"$ref": "#anchor", "$defs": {"a": {"$anchor": "anchor"}}}, "'$ref'"),
    ({"oneOf": [{"type": "integer"}, {"minimum": 2}]}, "'oneOf'"),
    ({"type": "nothing"}, "'type'"),
    ({"required": "foo"}, "'required'"),
    ({"properties": {"a": 3}}, "a schema must be"),
    ({"enum": []}, "allows nothing"),
    (False, "allows nothing"),
    ({"allOf": [True, False]}, "allows nothing"),
    ({"type": "integer", "minimum": 5, "maximum": 4}, "allows nothing"),
    ({"type": "array", "minItems": 10_000_000}, "too large"),
]


def check(tokenizer):
    schemas = ACCEPTED + [schema for schema, _ in REFUSED]
    lines = subprocess.run([program, tokenizer, str(WALKS)], input="".join(json.dumps(s) + "\n" for s in schemas),
                           capture_output=True, text=True)
    assert lines.returncode == 0, lines.stderr
    results = [json.loads(line) for line in lines.stdout.split("\n") if line]
    assert len(results) == len(schemas)
    texts = 0
    for schema, result in zip(ACCEPTED, results):
        assert "texts" in result, f"{schema}: {result}"
        assert result["texts"], f"{schema}: no walk came to its end"
        judge = jsonschema_rs.validator_for(schema, validate_formats=True)
        for text in result["texts"]:
            value = json.loads(text)
            assert judge.is_valid(value), f"{schema}: {text}"
            texts += 1
    for (schema, word), result in zip(REFUSED, results[len(ACCEPTED):]):
        assert word in result.get("refused", ""), f"{schema}: {result}"
    print(f"{tokenizer}: {len(ACCEPTED)} schemas, {texts} texts, all valid; {len(REFUSED)} refused")


for folder in sys.argv[3:]:
    if pathlib.Path(folder).exists():
        check(folder)
