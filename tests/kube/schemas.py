"""Schemas of the objects we emit: kubernetes-validate for built-in kinds, crds.json for the others.

crds.json holds one field table per custom kind, under "GROUP/VERSION KIND", written from the Go types
named in "source". A key ending in "!" is a required field; "+" adds the fields of a built-in type.
A value is one of
  "string" "bool" "quantity" "duration" "int-or-string"
  "int>=N"              an integer of at least N
  "enum A B"            one of these words
  "core.v1.PodSpec"     a type of the Kubernetes release the object is checked for
  "#name"               a table shared inside crds.json
  [T]                   a list
  {"*": T}              a map with free keys
  {"field": T, …}       an object with no other fields
"""

import functools
import json
import pathlib

import jsonschema
import kubernetes_validate
from kubernetes_validate import utils
from referencing import Registry, Resource

TABLES = json.loads((pathlib.Path(__file__).parent / "crds.json").read_text())
CUSTOM_KINDS = {name: table for name, table in TABLES.items() if not name.startswith("#")}
DURATION = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h|d))+$"

# The package reads two files for every object; they do not change.
utils.schema_contents = functools.lru_cache(maxsize=None)(utils.schema_contents)


@functools.lru_cache(maxsize=None)
def builtin_types(version):
    """The definitions document of Kubernetes `version` ("1.33"), strict about unknown fields."""
    return utils.schema_contents(
        f"kubernetes-json-schema/v{version}.0-local-strict/_definitions.json", version
    )


def builtin_name(name):
    """ "core.v1.PodSpec" as its key in the definitions document."""
    return ("io.k8s.apimachinery.pkg.apis." if name.startswith("meta.") else "io.k8s.api.") + name


def text_schema(text, version):
    """JSON Schema of a table's value that is a string."""
    if text.startswith("#"):
        return schema_of(TABLES[text], version)
    if text.startswith("enum "):
        return {"enum": text.split()[1:]}
    if text.startswith("int>="):
        return {"type": "integer", "minimum": int(text[5:])}
    if text in ("string", "quantity"):
        return {"type": "string"}
    if text == "bool":
        return {"type": "boolean"}
    if text == "int-or-string":
        return {"anyOf": [{"type": "integer"}, {"type": "string", "pattern": "^[0-9]+%?$"}]}
    if text == "duration":
        return {"type": "string", "pattern": DURATION}
    types = builtin_types(version)
    if builtin_name(text) not in types["$defs"]:
        raise KeyError(f"crds.json: no built-in type {text}")
    return {"$ref": types["$id"] + "#/$defs/" + builtin_name(text)}


def schema_of(table, version):
    """JSON Schema of a table's value."""
    if isinstance(table, str):
        return text_schema(table, version)
    if isinstance(table, list):
        return {"type": "array", "items": schema_of(table[0], version)}
    if "*" in table:
        return {"type": "object", "additionalProperties": schema_of(table["*"], version)}
    properties = {}
    for name, value in table.items():
        if name == "+":
            base = text_schema(value, version)["$ref"]
            fields = builtin_types(version)["$defs"][builtin_name(value)]["properties"]
            properties.update({field: {"$ref": f"{base}/properties/{field}"} for field in fields})
        else:
            properties[name.rstrip("!")] = schema_of(value, version)
    required = [name.rstrip("!") for name in table if name.endswith("!")]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


@functools.lru_cache(maxsize=None)
def custom_validator(kind, version):
    """The validator of one custom kind, its pod templates taken from Kubernetes `version`."""
    table = CUSTOM_KINDS[kind]
    fields = {name: value for name, value in table.items() if name.rstrip("!") == "spec"}
    schema = schema_of(
        {"apiVersion!": "string", "kind!": "string", "metadata!": "meta.v1.ObjectMeta", **fields}, version
    )
    registry = Resource.from_contents(builtin_types(version)) @ Registry()
    return jsonschema.Draft202012Validator(schema, registry=registry)


def is_custom(obj):
    return f"{obj.get('apiVersion')} {obj.get('kind')}" in CUSTOM_KINDS


def faults(obj, version, strict=True):
    """What the API of Kubernetes `version` would refuse in the object: a list of "path: message"."""
    if is_custom(obj):
        found = custom_validator(f"{obj['apiVersion']} {obj['kind']}", version).iter_errors(obj)
        return [f"{'.'.join(map(str, error.absolute_path))}: {error.message}" for error in found]
    try:
        kubernetes_validate.validate(obj, version, strict=strict)
    except kubernetes_validate.SchemaNotFoundError as error:
        return [error.message]
    except kubernetes_validate.ValidationError as error:
        return [f"{'.'.join(map(str, error.absolute_path))}: {error.message}"]
    return []
