"""The field tables of crds.json: they accept a sample of every custom kind and refuse it with any one field
misspelt, of another type, or missing.

usage: crds_test.py ENVIRONMENT
"""

import environment

environment.enter()

import copy  # noqa: E402
import pathlib  # noqa: E402

import yaml  # noqa: E402  only in the environment

import schemas  # noqa: E402

# A rolling update's numbers in a built-in type: any word passes the published schema, but not an API server.
INT_OR_STRING = ("maxSurge", "maxUnavailable")


def places(value, path=()):
    """Paths of every value below `value`, itself included."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, path + (key,))


def at(value, path):
    for key in path:
        value = value[key]
    return value


def changed(obj, path, new):
    """The object with the value at `path` replaced."""
    obj = copy.deepcopy(obj)
    at(obj, path[:-1])[path[-1]] = new
    return obj


def mutants(obj):
    """(what, broken object): each has one fault."""
    for path in places(obj["spec"], ("spec",)):
        value, name = at(obj, path), ".".join(map(str, path))
        if isinstance(value, dict):
            # No field has this name, and no map with free keys has objects as values.
            yield f"{name}.paralelism", changed(obj, path, {**value, "paralelism": {}})
        if isinstance(value, (dict, list)):
            yield f"{name} as a number", changed(obj, path, 7)
        else:
            yield f"{name} as an object", changed(obj, path, {"a": "b"})
        if isinstance(value, int) and path[-1] not in INT_OR_STRING:
            yield f"{name} as a word", changed(obj, path, "two")
    yield "paralelism", {**obj, "paralelism": 1}


def without(table, obj, path=()):
    """(what, the object without one required field), for the fields that the table requires."""
    if isinstance(table, list):
        for index in range(len(at(obj, path))):
            yield from without(table[0], obj, path + (index,))
    elif isinstance(table, dict):
        for name, inner in table.items():
            key = name.rstrip("!")
            if key not in at(obj, path):
                continue
            if name.endswith("!"):
                shorter = copy.deepcopy(obj)
                del at(shorter, path)[key]
                yield ".".join(map(str, path + (key,))) + " missing", shorter
            yield from without(inner, obj, path + (key,))


def main():
    faults = environment.Faults()
    samples = list(yaml.safe_load_all((pathlib.Path(__file__).parent / "samples.yaml").read_text()))
    kinds = [f"{sample['apiVersion']} {sample['kind']}" for sample in samples]
    faults.expect(
        set(kinds) == set(schemas.CUSTOM_KINDS), "samples.yaml", "is not one sample of every custom kind"
    )
    broken = 0
    for kind, sample in zip(kinds, samples):
        for version in environment.VERSIONS:
            for fault in schemas.faults(sample, version):
                faults.add(f"{kind} for {version}", fault)
        table = {name: value for name, value in schemas.CUSTOM_KINDS[kind].items() if name.startswith("spec")}
        for what, mutant in [*mutants(sample), *without(table, sample)]:
            broken += 1
            faults.expect(schemas.faults(mutant, "1.33"), kind, f"not refused: {what}")
    faults.finish(f"{len(samples)} kinds, {broken} broken objects")


main()
