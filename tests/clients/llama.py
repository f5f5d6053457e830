"""What the tests over llama.cpp share: the interpreter that has it."""

import os
import sys

SKIPPED = 77  # ctest's SKIP_RETURN_CODE


def enter(modules):
    """Runs this script again under the interpreter in SWIFT_LLAMA_PYTHON; skips where a module is missing."""
    python = os.environ.get("SWIFT_LLAMA_PYTHON")
    if python and os.environ.get("SWIFT_LLAMA_RUNS") != "1":
        os.environ["SWIFT_LLAMA_RUNS"] = "1"
        os.execv(python, [python, *sys.argv])
    for module in modules:
        try:
            __import__(module)
        except ImportError as missing:
            print(f"skipped: {missing}; set SWIFT_LLAMA_PYTHON to a python with {', '.join(modules)}")
            sys.exit(SKIPPED)
