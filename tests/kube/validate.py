"""Every example, for the lowest, a middle and the newest Kubernetes, against schemas and our style.

usage: validate.py ENVIRONMENT SWIFT CONFIGS
"""

import environment

SWIFT, CONFIGS = environment.enter()

import yaml  # noqa: E402  only in the environment
import yamllint.config  # noqa: E402
import yamllint.linter  # noqa: E402

import schemas  # noqa: E402

DUPLICATES = yamllint.config.YamlLintConfig("rules: {key-duplicates: {forbid-duplicated-merge-keys: true}}")


def unquoted(node, path=""):
    """Paths of scalars that are strings but not written in double quotes; mapping keys may be plain."""
    if isinstance(node, yaml.ScalarNode):
        if node.tag == "tag:yaml.org,2002:str" and node.style != '"':
            yield f"{path} ({node.start_mark.line + 1})"
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from unquoted(item, f"{path}[{index}]")
    else:
        for key, item in node.value:
            if key.tag != "tag:yaml.org,2002:str":
                yield f"{path}.{key.value}: a key that is no string"
            yield from unquoted(item, f"{path}.{key.value}")


def forbidden(value, path=""):
    """Nulls, and fields that only a server writes."""
    if value is None:
        yield f"{path}: null"
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from forbidden(item, f"{path}[{index}]")
    elif isinstance(value, dict):
        for key, item in value.items():
            if key in ("status", "creationTimestamp") and (path == "" or path.endswith("metadata")):
                yield f"{path}.{key}: set by the server"
            yield from forbidden(item, f"{path}.{key}")


def clashes(objects):
    """Our Services of a name that a controller needs for its own, by which its pods find each other."""
    services = {obj["metadata"]["name"] for obj in objects if obj["kind"] == "Service"}
    for obj in objects:
        name = obj["metadata"]["name"]
        if (
            schemas.is_custom(obj)
            and obj["kind"] in ("LeaderWorkerSet", "JobSet", "TrainJob", "Job")
            and name in services
        ):
            yield f"{obj['kind']} {name}: its controller makes a Service of this name, and so do we"


def check(task, version, faults):
    """Renders one example for one version and checks all of it. The number of objects."""
    where = f"{task.name} for {version}"
    data = environment.emit(SWIFT, task, "--kube-version", version)
    faults.expect(data == environment.emit(SWIFT, task, "--kube-version", version), where, "two runs differ")
    text = data.decode("utf-8")
    for problem in yamllint.linter.run(text, DUPLICATES):
        faults.add(where, f"line {problem.line}: {problem.desc}")
    for document in yaml.compose_all(text, Loader=yaml.CSafeLoader):
        for path in unquoted(document):
            faults.add(where, f"not in double quotes: {path}")
    objects = list(yaml.load_all(text, Loader=yaml.CSafeLoader))
    seen = set()
    for obj in objects:
        name = f"{where}: {obj['kind']} {obj['metadata']['name']}"
        identity = (obj["apiVersion"], obj["kind"], obj["metadata"].get("namespace"), obj["metadata"]["name"])
        faults.expect(identity not in seen, name, "twice in one stream")
        seen.add(identity)
        for fault in [*schemas.faults(obj, version), *forbidden(obj)]:
            faults.add(name, fault)
    for clash in clashes(objects):
        faults.add(where, clash)
    faults.expect(objects, where, "no objects")
    return len(objects)


def main():
    faults = environment.Faults()
    tasks = environment.examples(CONFIGS)
    total = 0
    for task in tasks:
        with faults.emitting(task.name):
            for version in environment.VERSIONS:
                total += check(task, version, faults)
    faults.finish(f"{total} objects of {len(tasks)} examples for {', '.join(environment.VERSIONS)}")


main()
