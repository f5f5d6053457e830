"""Time from start to last byte of a full set of manifests, against `kubectl kustomize` over the same objects.

usage: manifests.py [--swift build/release/swift] [--task configs/kube/day-and-night.yaml] [--runs 50]
One JSON line. kubectl must be on the PATH; the machine should be otherwise idle.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent / "peers"))
import machine  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent


def milliseconds(words, runs):
    """Median wall time of a command, and the bytes it printed."""
    times = []
    for _ in range(runs):
        begin = time.perf_counter()
        out = subprocess.run(words, capture_output=True, check=True).stdout
        times.append((time.perf_counter() - begin) * 1000)
    return statistics.median(times), len(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--swift", default=ROOT / "build/release/swift")
    parser.add_argument("--task", default=ROOT / "configs/kube/day-and-night.yaml")
    parser.add_argument("--runs", type=int, default=50)
    given = parser.parse_args()
    emit = [str(given.swift), "deploy", str(given.task), "--emit-manifests"]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([*emit, "--output", folder], check=True)
        ours, size = milliseconds(emit, given.runs)
        theirs, _ = milliseconds(["kubectl", "kustomize", folder], given.runs)
    version = subprocess.run(["kubectl", "version", "--client"], capture_output=True, text=True).stdout.split("\n")[0]
    print(json.dumps({"comparison": "manifests", "peer": "kubectl kustomize", "ratio": round(theirs / ours, 2),
                      "ours": round(ours, 2), "theirs": round(theirs, 2), "unit": "ms, median, start to last byte",
                      "wanted": "ours <= 20", "bytes": size, "machine": machine.machine(),
                      "versions": {"kubectl": version, "swift": subprocess.run(
                          [str(given.swift), "version"], capture_output=True, text=True).stdout.strip()}}))


if __name__ == "__main__":
    main()
