"""What the kube tests share: the validators' environment, running swift, the examples, how a test ends."""

import contextlib
import os
import pathlib
import subprocess
import sys

SKIPPED = 77  # ctest's SKIP_RETURN_CODE
VERSIONS = ("1.29", "1.33", "1.37")  # lowest, middle and newest supported


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIPPED)


def enter():
    """Runs this script again under the validators' interpreter: argument 1, the environment's folder.

    Returns the other arguments as paths. Skips the test where the environment is absent.
    """
    if len(sys.argv) < 2:
        sys.exit(f"usage: {sys.argv[0]} ENVIRONMENT [SWIFT CONFIGS]")
    env = pathlib.Path(sys.argv[1]).resolve()
    python = env / "bin" / "python"
    if not (env / "requirements.sha256").is_file():
        skip(f"no validators in {env}; scripts/python-env.sh makes them")
    if pathlib.Path(sys.prefix).resolve() != env:
        os.execv(python, [str(python), *sys.argv])
    return [pathlib.Path(argument).resolve() for argument in sys.argv[2:]]


def examples(configs):
    """The example tasks. An empty folder is a mistake, not a pass."""
    found = sorted(configs.glob("*.yaml"))
    if not found:
        sys.exit(f"no examples in {configs}")
    return found


class EmitError(Exception):
    """swift refused a task; its message is what swift said."""


def emit(swift, task, *options):
    """What `swift deploy TASK --emit-manifests OPTIONS` prints. Raises EmitError."""
    command = [str(swift), "deploy", str(task), "--emit-manifests", *options]
    done = subprocess.run(command, capture_output=True, check=False, timeout=60)
    if done.returncode != 0:
        raise EmitError(f"exit {done.returncode}: {done.stderr.decode().strip()}")
    return done.stdout


class Faults:
    """Faults found; every one is printed, and any makes the test fail."""

    def __init__(self):
        self.count = 0

    def add(self, where, what):
        self.count += 1
        print(f"FAULT {where}: {what}")

    def expect(self, holds, where, what):
        if not holds:
            self.add(where, what)

    @contextlib.contextmanager
    def emitting(self, where):
        """A task that swift refuses is one fault; the other tasks are still tested."""
        try:
            yield
        except EmitError as error:
            self.add(where, error)

    def finish(self, summary):
        print(f"{summary}: {self.count} faults")
        sys.exit(1 if self.count else 0)
