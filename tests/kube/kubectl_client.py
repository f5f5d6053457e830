"""Running kubectl against the loopback API, apart from any cluster the user has."""

import os
import subprocess

import yaml


class Kubectl:
    """kubectl with a HOME and KUBECONFIG of its own, pointed at the loopback API."""

    def __init__(self, url, home):
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "loopback", "cluster": {"server": url}}],
            "contexts": [{"name": "loopback", "context": {"cluster": "loopback", "namespace": "default"}}],
            "current-context": "loopback",
        }
        path = home / "config"
        path.write_text(yaml.safe_dump(config))
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "TMPDIR": str(home),
            "KUBECONFIG": str(path),
        }

    def run(self, *arguments, stdin=None):
        """(exit code, standard output, standard error)."""
        done = subprocess.run(
            ["kubectl", *arguments], input=stdin, capture_output=True, check=False, timeout=120, env=self.env
        )
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def shell(self, script):
        """Exit code of a bash pipeline and its standard output."""
        done = subprocess.run(
            ["bash", "-c", script], capture_output=True, check=False, timeout=120, env=self.env, text=True
        )
        return done.returncode, done.stdout
