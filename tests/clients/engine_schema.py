"""schemathesis against swift deploy over a model: whatever the document allows is answered without a fault of the server,
and no request leaves a block of the cache behind.

usage: engine_schema.py ENVIRONMENT SWIFT MODEL
"""

import subprocess
import sys

import environment

program = environment.enter()
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"

with environment.with_context(sys.argv[3], 96) as model, \
        environment.deployed(program, model, "--served_model_name", "demo", "--verbose", "false") as server:
    result = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "run", server.root + "/openapi.json", "--max-examples", "3",
         "--checks", CHECKS, "--phases", "fuzzing", "--seed", "1"],
        capture_output=True, text=True)
    print(result.stdout[-4000:], result.stderr[-2000:])
    assert result.returncode == 0, f"schemathesis ended with {result.returncode}"
    server.settle()
    assert not [line for line in server.log if line.startswith("error")], server.log
