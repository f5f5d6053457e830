#!/usr/bin/env python3
"""An environment for GRPO (multi_turn_scheduler): a wrong answer gets one more try, a right one a reward, more for the first.

Reads a JSON object a line ({"turn", "completion", "solution", …}) and writes one a line: {"done", "reward"} or
{"messages": […]} with what the user says next. Standard library only.
"""
import json
import re
import sys

for line in sys.stdin:
    step = json.loads(line)
    numbers = re.findall(r"-?\d+", step["completion"])
    if numbers and numbers[-1] == step["solution"]:
        reply = {"done": True, "reward": 1.0 if step["turn"] == 1 else 0.5}
    elif step["turn"] == 1:
        reply = {"messages": [{"role": "user", "content": "That is wrong. Try again."}], "reward": 0.0}
    else:
        reply = {"done": True, "reward": 0.0}
    print(json.dumps(reply), flush=True)
