"""checkov over the built-in objects of every example: only checks that README.md explains may fail.

usage: checkov_scan.py ENVIRONMENT SWIFT CONFIGS
"""

import environment

SWIFT, CONFIGS = environment.enter()

import json  # noqa: E402
import os  # noqa: E402
import pathlib  # noqa: E402
import re  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402

import yaml  # noqa: E402  only in the environment

import schemas  # noqa: E402


def accepted():
    """Checks that README.md lists as allowed to fail: table rows that begin with the check's name."""
    text = (pathlib.Path(__file__).parent / "README.md").read_text()
    return set(re.findall(r"^\| (CKV2?_K8S_[0-9]+) \|", text, re.MULTILINE))


def scan(folder):
    """(failed checks, number of passed ones). Offline, with a HOME of its own."""
    command = [sys.executable, "-m", "checkov.main", "-d", str(folder), "--framework", "kubernetes"]
    command += ["--skip-download", "--compact", "--quiet", "-o", "json"]
    env = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    done = subprocess.run(command, capture_output=True, check=False, timeout=300, env=env)
    try:
        report = json.loads(done.stdout)
        return report["results"]["failed_checks"], report["summary"]["passed"]
    except (ValueError, KeyError, TypeError):
        output = (done.stderr or done.stdout).decode()
        sys.exit(f"checkov gave no report (exit {done.returncode}): {output[-2000:]}")


def main():
    faults = environment.Faults()
    kinds = set()
    with tempfile.TemporaryDirectory() as folder:
        for task in environment.examples(CONFIGS):
            with faults.emitting(task.name):
                # A namespace is the user's choice, and "default" is a finding.
                text = environment.emit(SWIFT, task, "--namespace", "scan")
                # checkov takes a Volcano Job for a Job of Kubernetes and misses its pod.
                objects = [obj for obj in yaml.safe_load_all(text) if not schemas.is_custom(obj)]
                kinds |= {obj["kind"] for obj in objects}
                (pathlib.Path(folder) / task.name).write_text(yaml.safe_dump_all(objects))
        faults.expect(
            {"Deployment", "CronJob"} <= kinds, CONFIGS, "no example with a Deployment, or with a CronJob"
        )
        failed, passed = scan(folder)
    allowed = accepted()
    for check in failed:
        if check["check_id"] not in allowed:
            where = f"{check['file_path']} {check['resource']}"
            faults.add(where, f"{check['check_id']} {check['check_name']}")
    unused = allowed - {check["check_id"] for check in failed}
    if unused:
        print(f"note: README.md allows checks that no example fails: {', '.join(sorted(unused))}")
    faults.expect(passed, "checkov", "ran no checks")
    faults.finish(f"checkov: {passed} checks passed, {len(failed)} failed")


main()
