"""How the API server changes what it is sent: merge patches, strategic ones, canonical quantities."""

import fractions
import re

# Key that tells the elements of a list apart, per field. A list of another field is replaced whole.
MERGE_KEYS = {
    "containers": "name",
    "env": "name",
    "imagePullSecrets": "name",
    "initContainers": "name",
    "ports": "port",
    "topologySpreadConstraints": "topologyKey",
    "volumeMounts": "mountPath",
    "volumes": "name",
}
DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
BINARY = {"": 0, "Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}


def merge_patch(old, patch):
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(old) if isinstance(old, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def merge_key(field, elements):
    """Name of the key by which `elements` of the list `field` are told apart, or None."""
    key = MERGE_KEYS.get(field)
    if key == "port" and any("containerPort" in element for element in elements):
        return "containerPort"
    return key


def merge_list(old, patch, key, order):
    """Elements of `patch` laid over those of `old` with the same `key`, in the order kubectl asks for."""
    merged = {element[key]: element for element in old}
    for element in patch:
        if element.get("$patch") == "delete":
            merged.pop(element[key], None)
        else:
            merged[element[key]] = strategic_merge(merged.get(element[key]), element)
    place = {element[key]: index for index, element in enumerate(order)}
    return sorted(merged.values(), key=lambda element: place.get(element[key], len(place)))


def strategic_merge(old, patch):
    """Strategic merge patch, as far as kubectl uses it on the kinds we emit."""
    merged = dict(old) if isinstance(old, dict) else {}
    if patch.get("$patch") == "replace":
        merged = {}
    if "$retainKeys" in patch:
        merged = {key: value for key, value in merged.items() if key in patch["$retainKeys"]}
    for key, value in patch.items():
        if key.startswith("$"):
            continue
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            merged[key] = strategic_merge(merged.get(key), value)
        elif isinstance(value, list) and value and isinstance(value[0], dict) and merge_key(key, value):
            order = patch.get(f"$setElementOrder/{key}", [])
            merged[key] = merge_list(merged.get(key, []), value, merge_key(key, value), order)
        else:
            merged[key] = value
    return merged


def canonical_quantity(text):
    """The form in which the server keeps a quantity: whole mantissa, largest suffix ("1024Mi" is "1Gi")."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([A-Za-z]*)", str(text))
    if not match or (match[2] not in DECIMAL and match[2] not in BINARY):
        return text
    number, suffix = fractions.Fraction(match[1]), match[2]
    binary = suffix in BINARY and suffix != ""
    suffixes, base = (BINARY, 2) if binary else (DECIMAL, 10)
    number *= fractions.Fraction(base) ** suffixes[suffix]
    for name, power in sorted(suffixes.items(), key=lambda item: -item[1]):
        scaled = number / fractions.Fraction(base) ** power
        if scaled.denominator == 1 and (scaled != 0 or power == 0):
            return f"{scaled.numerator}{name}"
    return text


def canonical(value, inside=False):
    """The object with every quantity in canonical form; `inside` a map whose values are quantities."""
    if isinstance(value, list):
        return [canonical(element) for element in value]
    if isinstance(value, dict):
        maps = ("limits", "requests", "capacity")
        return {
            key: canonical_quantity(item)
            if key == "sizeLimit" or (inside and not isinstance(item, (dict, list)))
            else canonical(item, key in maps)
            for key, item in value.items()
        }
    return value
