"""What the clients' tests share: their environment, a running server, how a test ends."""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys

SKIPPED = 77  # ctest's SKIP_RETURN_CODE
_pids = []


def last_pid():
    """Process id of the server started last."""
    return _pids[-1]


def enter():
    """Runs this script again under the clients' interpreter: argument 1, the environment's folder.

    Returns the server program, argument 2. Skips the test where the environment is absent.
    """
    if len(sys.argv) < 3:
        sys.exit(f"usage: {sys.argv[0]} ENVIRONMENT FAKE_SERVER")
    env = pathlib.Path(sys.argv[1]).resolve()
    python = env / "bin" / "python"
    if not (env / "requirements.sha256").is_file():
        print(f"skipped: no clients in {env}; scripts/python-env.sh makes them")
        sys.exit(SKIPPED)
    if pathlib.Path(sys.prefix).resolve() != env:
        os.execv(python, [str(python), *sys.argv])
    return sys.argv[2]


@contextlib.contextmanager
def running(program, *arguments):
    """A server; gives the address of its API's root. It must end with 0 when it is asked to."""
    with subprocess.Popen([program, *map(str, arguments)], stdout=subprocess.PIPE, text=True) as process:
        _pids.append(process.pid)
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(timeout=60)
            assert code == 0, f"the server ended with {code}"
