"""What the clients' tests share: their environment, a running server, how a test ends."""

import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

SKIPPED = 77  # ctest's SKIP_RETURN_CODE


def enter():
    """Runs this script again under the clients' interpreter: argument 1, the environment's folder.

    Returns the program, argument 2. Skips the test where the environment is absent.
    """
    if len(sys.argv) < 3:
        sys.exit(f"usage: {sys.argv[0]} ENVIRONMENT PROGRAM …")
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
    """The scripted server; gives the address of its API's root. It must end with 0 when it is asked to."""
    with subprocess.Popen([program, *map(str, arguments)], stdout=subprocess.PIPE, text=True) as process:
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(timeout=60)
            assert code == 0, f"the server ended with {code}"


class Deployed:
    """swift deploy over a model: root (the address), pid, log (the lines of stderr so far)."""

    def __init__(self, process):
        self.process = process
        self.pid = process.pid
        self.log = []
        self.root = None
        listening = re.compile(r"listening on https?://[^ ]*:(\d+)$")
        for line in process.stderr:
            self.log.append(line.rstrip())
            found = listening.search(line.rstrip())
            if found:
                self.root = f"http://127.0.0.1:{found[1]}"
                break
        assert self.root, f"the server did not start: {self.log}"
        self.reading = threading.Thread(target=self._read, daemon=True)
        self.reading.start()

    def _read(self):
        for line in self.process.stderr:
            self.log.append(line.rstrip())

    @property
    def port(self):
        return int(self.root.rsplit(":", 1)[1])

    def figure(self, name):
        """A metric without labels beyond the model's name."""
        text = urllib.request.urlopen(self.root + "/metrics").read().decode()
        return float(re.search(rf"^{name}\{{model_name=[^}}]*\}} (\S+)$", text, re.M)[1])

    def settle(self):
        """Waits until nothing runs, then holds the engine to its accounts: every block is free again."""
        for _ in range(1200):
            if self.figure("swift_num_requests_running") + self.figure("swift_num_requests_waiting") == 0:
                break
            time.sleep(0.05)
        assert self.figure("swift_num_requests_running") == 0
        assert self.figure("swift_num_requests_waiting") == 0
        for _ in range(100):  # what the engine counts is seen a moment later
            if self.figure("swift_kv_cache_usage_perc") == 0:
                break
            time.sleep(0.05)
        assert self.figure("swift_kv_cache_usage_perc") == 0, "blocks of the cache are held by nobody"


@contextlib.contextmanager
def deployed(program, model, *arguments):
    """swift deploy on a free port of this machine. It must end with 0 when it is asked to, and say nothing on stdout."""
    words = [program, "deploy", "--model", model, "--host", "127.0.0.1", "--port", 0, *arguments]
    threads = {**os.environ, "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryFile("w+") as out, subprocess.Popen(
            list(map(str, words)), stdout=out, stderr=subprocess.PIPE, text=True, env=threads) as process:
        try:
            yield Deployed(process)
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(timeout=60)
            assert code == 0, f"the server ended with {code}"
            out.seek(0)
            assert out.read() == ""


@contextlib.contextmanager
def with_context(model, positions):
    """A directory that is the model with a context of so many tokens, for answers that end soon."""
    with tempfile.TemporaryDirectory() as folder:
        for file in pathlib.Path(model).resolve().iterdir():
            (pathlib.Path(folder) / file.name).symlink_to(file)
        config = json.loads((pathlib.Path(folder) / "config.json").read_text())
        config["max_position_embeddings"] = positions
        (pathlib.Path(folder) / "config.json").unlink()
        (pathlib.Path(folder) / "config.json").write_text(json.dumps(config))
        yield folder
