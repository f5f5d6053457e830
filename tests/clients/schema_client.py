"""schemathesis against the OpenAPI document that the server gives of itself: no answer of 5xx, none of another form."""

import subprocess
import sys

import environment

program = environment.enter()
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"

with environment.running(program) as root:
    result = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "run", root + "/openapi.json", "--max-examples", "15",
         "--checks", CHECKS, "--phases", "coverage,fuzzing", "--seed", "1"],
        capture_output=True, text=True)
    print(result.stdout[-4000:], result.stderr[-2000:])
    assert result.returncode == 0, f"schemathesis ended with {result.returncode}"
