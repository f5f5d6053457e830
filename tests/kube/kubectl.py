"""A real kubectl applies, re-applies, diffs and dry-runs every example against the loopback API.

usage: kubectl.py ENVIRONMENT SWIFT CONFIGS
"""

import environment

SWIFT, CONFIGS = environment.enter()

import pathlib  # noqa: E402
import shutil  # noqa: E402
import tempfile  # noqa: E402

import yaml  # noqa: E402  only in the environment

import fake_api  # noqa: E402
from kubectl_client import Kubectl  # noqa: E402

SERVER_VERSION = "1.33"
DEPLOYMENT = b'\nkind: "Deployment"'
# The patch strategy of its selector is "replace", so kubectl always sends it and says "configured".
ALWAYS_PATCHED = "poddisruptionbudget.policy/"


def reason(out, err):
    """The end of what kubectl said: its errors repeat whole objects first."""
    return (err or out).strip()[-300:]


def expect_each(faults, where, result, count, words):
    """kubectl succeeded and printed one line an object, each ending in `words`."""
    code, out, err = result
    lines = out.splitlines()
    faults.expect(code == 0, where, f"exit {code}: {reason(out, err)}")
    faults.expect(len(lines) == count, where, f"{len(lines)} lines for {count} objects")
    for line in lines:
        patched = words == " unchanged" and line.startswith(ALWAYS_PATCHED)
        faults.expect(line.endswith(words) or patched, where, line)


def round_trip(kubectl, store, name, text, faults):
    """Client-side apply twice, diff, the dry runs, and server-side apply twice."""
    count = len(list(yaml.load_all(text, Loader=yaml.CSafeLoader)))
    apply = lambda *options: kubectl.run("apply", *options, "-f", "-", stdin=text)  # noqa: E731
    store.clear()
    expect_each(
        faults, f"{name}: dry-run=server", apply("--dry-run=server"), count, " created (server dry run)"
    )
    expect_each(faults, f"{name}: dry-run=client", apply("--dry-run=client"), count, " created (dry run)")
    faults.expect(not store.objects, name, "a dry run changed the cluster")
    expect_each(faults, f"{name}: apply", apply(), count, " created")
    faults.expect(len(store.objects) == count, name, f"{len(store.objects)} objects stored of {count}")
    revision = store.revision
    expect_each(faults, f"{name}: second apply", apply(), count, " unchanged")
    faults.expect(store.revision == revision, name, "a second apply changed an object")
    code, out, err = kubectl.run("diff", "-f", "-", stdin=text)
    faults.expect(code == 0 and not out, f"{name}: diff", f"exit {code}: {reason(out, err)}")
    store.clear()
    for turn in ("first", "second"):
        revision = store.revision
        result = apply("--server-side", "--field-manager=swift")
        expect_each(faults, f"{name}: {turn} server-side apply", result, count, " serverside-applied")
        if turn == "second":
            faults.expect(store.revision == revision, name, "a second server-side apply changed an object")


def check_upgrade(kubectl, store, task, text, faults):
    """The same task with another image applies over the first: a changed Job or claim has another name."""
    store.clear()
    kubectl.run("apply", "-f", "-", stdin=text)
    image = "deploy.image=registry.example/other@sha256:" + "0123456789abcdef" * 4
    changed = environment.emit(SWIFT, task, "--kube-version", SERVER_VERSION, "--set", image)
    faults.expect(changed != text, f"{task.name}: upgrade", "another image changes nothing")
    code, out, err = kubectl.run("apply", "-f", "-", stdin=changed)
    faults.expect(code == 0, f"{task.name}: upgrade", f"exit {code}: {reason(out, err)}")


def check_refusals(kubectl, store, task, text, faults):
    """The API is no rubber stamp, and a task that swift refuses reaches no cluster."""
    store.clear()
    misspelt = text.replace(b"imagePullPolicy:", b"imagePulPolicy:", 1)
    code, _, err = kubectl.run("apply", "-f", "-", stdin=misspelt)
    faults.expect(code != 0 and "imagePulPolicy" in err, "misspelt field", f"exit {code}: {err}")
    store.clear()
    kubectl.run("apply", "-f", "-", stdin=text)
    changed = text.replace(b'imagePullPolicy: "IfNotPresent"', b'imagePullPolicy: "Always"')
    code, out, _ = kubectl.run("diff", "-f", "-", stdin=changed)
    faults.expect(
        code == 1 and "+        imagePullPolicy: Always" in out, "diff of a change", f"exit {code}: {out}"
    )
    code, out, err = kubectl.run("apply", "-f", "-", stdin=changed)
    faults.expect(code == 0 and " configured" in out, "apply of a change", f"exit {code}: {reason(out, err)}")
    store.clear()
    emit = f"'{SWIFT}' deploy '{task}' --emit-manifests --set deploy.no_such_setting=1"
    code, out = kubectl.shell(f"set -o pipefail; {emit} | kubectl apply -f -")
    faults.expect(code != 0 and not out, "pipe of a broken task", f"exit {code}: {out}")
    faults.expect(not store.objects, "pipe of a broken task", "reached the cluster")


def check_kustomize(kubectl, task, text, home, faults):
    """`--output DIR/` makes a kustomization of the same objects."""
    folder = home / task.stem
    environment.emit(SWIFT, task, "--output", f"{folder}/")
    code, out, err = kubectl.run("kustomize", str(folder))
    order = lambda obj: (obj["kind"], obj["metadata"]["name"])  # noqa: E731
    whole = sorted(yaml.load_all(text, Loader=yaml.CSafeLoader), key=order)
    faults.expect(code == 0, f"{task.name}: kustomize", err)
    same = code == 0 and sorted(yaml.load_all(out, Loader=yaml.CSafeLoader), key=order) == whole
    faults.expect(same, f"{task.name}: kustomize", "its objects are not those of the stream")


def main():
    if not shutil.which("kubectl"):
        environment.skip("no kubectl in PATH")
    faults = environment.Faults()
    tasks = environment.examples(CONFIGS)
    url, store, server = fake_api.start(SERVER_VERSION)
    with tempfile.TemporaryDirectory() as folder:
        home = pathlib.Path(folder)
        kubectl = Kubectl(url, home)
        serving = None
        for task in tasks:
            with faults.emitting(task.name):
                text = environment.emit(SWIFT, task, "--kube-version", SERVER_VERSION)
                serving = serving or (task if DEPLOYMENT in text else None)
                round_trip(kubectl, store, task.name, text, faults)
                check_upgrade(kubectl, store, task, text, faults)
                check_kustomize(kubectl, task, text, home, faults)
        faults.expect(serving, CONFIGS, "no example with a Deployment")
        if serving:
            text = environment.emit(SWIFT, serving, "--kind", "deployment")
            check_refusals(kubectl, store, serving, text, faults)
    server.shutdown()
    faults.finish(f"{len(tasks)} examples through kubectl")


main()
