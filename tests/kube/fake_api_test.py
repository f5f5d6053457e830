"""The loopback API itself: what it accepts, refuses, merges and keeps.

usage: fake_api_test.py ENVIRONMENT
"""

import environment

environment.enter()

import json  # noqa: E402
import pathlib  # noqa: E402
import urllib.error  # noqa: E402
import urllib.request  # noqa: E402

import yaml  # noqa: E402  only in the environment

import fake_api  # noqa: E402
import kinds  # noqa: E402
import merge  # noqa: E402

QUANTITIES = {
    "1024Mi": "1Gi", "1Gi": "1Gi", "1.5Gi": "1536Mi", "1000m": "1", "0.5": "500m", "1500": "1500",
    "2000": "2k", "1000M": "1G", "16": "16", "0": "0", "32GB": "32GB",
}  # fmt: skip
CLAIM = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "models"},
    "spec": {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1024Gi"}}},
}
CLAIMS = "/api/v1/namespaces/llm/persistentvolumeclaims"


def call(url, method="GET", body=None, media="application/json"):
    """(status code, answer) of one request."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method, headers={"Content-Type": media})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def check_merges(faults):
    for text, want in QUANTITIES.items():
        got = merge.canonical_quantity(text)
        faults.expect(got == want, "quantity", f"{text} became {got}, not {want}")
    old = {"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "1"}], "args": ["x", "y"]}
    patch = {
        "containers": [{"name": "a", "image": "2"}, {"name": "b", "$patch": "delete"}, {"name": "c"}],
        "$setElementOrder/containers": [{"name": "c"}, {"name": "a"}],
        "args": ["z"],
    }
    want = {"containers": [{"name": "c"}, {"name": "a", "image": "2"}], "args": ["z"]}
    faults.expect(
        merge.strategic_merge(old, patch) == want, "strategic merge", merge.strategic_merge(old, patch)
    )
    merged = merge.merge_patch({"a": {"b": 1, "c": 2}}, {"a": {"b": None, "d": 3}})
    faults.expect(merged == {"a": {"c": 2, "d": 3}}, "merge patch", merged)


def check_objects(url, store, faults):
    """One claim from creation to deletion."""
    steps = [
        ("dry run", "POST", CLAIMS + "?dryRun=All", CLAIM, 201),
        ("read of nothing", "GET", CLAIMS + "/models", None, 404),
        ("unknown field", "POST", CLAIMS + "?fieldValidation=Strict", {**CLAIM, "paralelism": 1}, 422),
        ("ill-typed field", "POST", CLAIMS, {**CLAIM, "spec": {"accessModes": "ReadWriteMany"}}, 422),
        ("bad name", "POST", CLAIMS, {**CLAIM, "metadata": {"name": "Models"}}, 422),
        ("other namespace", "POST", CLAIMS, {**CLAIM, "metadata": {"name": "models", "namespace": "x"}}, 400),
        ("creation", "POST", CLAIMS, CLAIM, 201),
        ("second creation", "POST", CLAIMS, CLAIM, 409),
        ("list", "GET", CLAIMS, None, 200),
        ("unknown kind", "GET", "/apis/apps/v1/namespaces/llm/statefulsets", None, 404),
    ]
    for what, method, path, body, want in steps:
        code, answer = call(url + path, method, body)
        faults.expect(code == want, what, f"{code}, not {want}: {answer}")
    _, kept = call(url + CLAIMS + "/models")
    faults.expect(
        kept["spec"]["resources"]["requests"] == {"storage": "1Ti"}, "canonical quantity", kept["spec"]
    )
    revision = store.revision
    code, _ = call(url + CLAIMS + "/models", "PATCH", {"spec": {}}, "application/merge-patch+json")
    faults.expect(code == 200 and store.revision == revision, "empty patch", f"{code}, a new revision")
    patch = {"spec": {"volumeName": "other"}}
    code, answer = call(url + CLAIMS + "/models", "PATCH", patch, "application/merge-patch+json")
    faults.expect(code == 422, "immutable field", answer)
    code, _ = call(url + CLAIMS + "/models", "DELETE")
    faults.expect(code == 200 and not store.objects, "deletion", code)


def check_custom(url, store, faults):
    """Every custom kind is found by discovery and can be created."""
    for obj in yaml.safe_load_all((pathlib.Path(__file__).parent / "samples.yaml").read_text()):
        kind = next(
            k for k in kinds.KINDS if (kinds.api_version(k), k.name) == (obj["apiVersion"], obj["kind"])
        )
        _, listed = call(f"{url}/{kinds.root(kind.group, kind.version)}")
        faults.expect(kind.plural in [r["name"] for r in listed["resources"]], kind.name, "not in discovery")
        path = f"{url}/{kinds.root(kind.group, kind.version)}/namespaces/llm/{kind.plural}"
        code, answer = call(path + "?fieldValidation=Strict", "POST", obj)
        faults.expect(code == 201, kind.name, answer)
    faults.expect(len(store.objects) == len(list(kinds.custom_kinds())), "custom kinds", len(store.objects))


def main():
    faults = environment.Faults()
    check_merges(faults)
    url, store, server = fake_api.start("1.33")
    check_objects(url, store, faults)
    check_custom(url, store, faults)
    server.shutdown()
    faults.finish(f"{len(kinds.KINDS)} kinds served")


main()
