"""Makes loss_scale.json: the weight of every byte of assistants' turns under ms-swift's loss_scale names.

ms-swift's own package is not used: the rules are written here from its documentation with Python's `re`, the keys of
each name in one table. A rule gives a weight to each character; weights of several names are multiplied.
Run: python tests/golden/loss_scale.py > tests/golden/loss_scale.json
"""
import json
import platform
import re

KEYWORDS = {
    "react": {"Action:": (2, 2), "Action Input:": (2, 2), "Thought:": (1, 1), "Final Answer:": (1, 1),
              "Observation:": (2, 0)},
    "qwen": {"✿FUNCTION✿:": (2, 2), "✿ARGS✿:": (2, 2), "✿RETURN✿:": (1, 1), "✿RESULT✿:": (2, 0)},
    "agentflan": {**{key: (1, 3) for key in ("Name:", "Action:", "ACTION:", "Tool:", "Command", "Arguments:",
                                             "action input", "ACTION_INPUT:", "Action Input:")},
                  "Thought:": (1, 1), "Final Answer:": (1, 1), "Observation:": (2, 0)},
}
KEYWORDS["alpha_umi"] = {**KEYWORDS["react"], "Next:": (2, 2)}
PATTERNS = {
    "hermes": {r"<tool_call>(.+?)</tool_call>": 2},
    "ignore_think_prefix": {r"^<think>\n?": 0},
    "ignore_empty_think": {
        r"^<think>\s*</think>\s*": 0, r"^</think>\s*": 0, r"^<\|channel>thought\n<channel\|>": 0,
        r"^<seed:think><seed:cot_budget_reflect>The current thinking budget is 0, so I will directly start answering "
        r"the question.</seed:cot_budget_reflect>\n</seed:think>\s*": 0},
}
TURNS = [
    "plain answer", "", "<think>\n\n</think>\n\nHello", "<think></think>Hi", "<think>\nhm\n</think>\n\nanswer",
    "</think>\n\nafter a prompt that opened it", "x<think>\n\n</think>\n\nnot at the start", "<think>", "<think>\n",
    "<|channel>thought\n<channel|>now", "<|channel>thought\nreal\n<channel|>now",
    "<seed:think><seed:cot_budget_reflect>The current thinking budget is 0, so I will directly start answering the "
    "question.</seed:cot_budget_reflect>\n</seed:think>\nIt is 4.",
    "<think>\n\n</think>\n\nI look.\n<tool_call>\n{\"name\": \"f\"}\n</tool_call>\n<tool_call>{}</tool_call> end",
    "<tool_call></tool_call>x</tool_call>y", "<tool_call>never closed", "<tool_call>a<tool_call>b</tool_call>c",
    "Thought: é must look\nAction: search\nAction Input: {\"q\": \"naïve\"}\nObservation: three results\n"
    "Thought: done\nFinal Answer: 42 \u2013 sure", "Observation: nothing else", "Observation:Action:Action Input:",
    "Action :none", "Name: a\nCommand run\naction input x\nACTION: b\nACTION_INPUT: c\nTool: t\nArguments: {}",
    "Next: caller\nAction: x", "pre ✿FUNCTION✿: f\n✿ARGS✿: {}\n✿RESULT✿: r\n✿RETURN✿: done ✿ RESULT✿: no",
]
SCALES = ["ignore_empty_think", "ignore_think_prefix", "react", "hermes", "qwen", "agentflan", "alpha_umi",
          "hermes+ignore_empty_think", "react+alpha_umi", "ignore_think_prefix+agentflan+hermes"]


def by_keywords(text, table):
    weights = []
    parts = re.split("(" + "|".join(map(re.escape, table)) + ")", text)
    weights += [1] * len(parts[0])
    for key, behind in zip(parts[1::2], parts[2::2]):
        weights += [table[key][0]] * len(key) + [table[key][1]] * len(behind)
    return weights


def by_patterns(text, table):
    weights = [1] * len(text)
    for pattern, weight in table.items():
        for match in re.finditer(pattern, text, re.DOTALL):
            weights[match.start():match.end()] = [weight] * (match.end() - match.start())
    return weights


def weights_of(text, scale):
    weights = [1] * len(text)
    for name in scale.split("+"):
        own = by_keywords(text, KEYWORDS[name]) if name in KEYWORDS else by_patterns(text, PATTERNS[name])
        weights = [a * b for a, b in zip(weights, own)]
    return weights


def run_lengths(text, weights):
    """[[bytes, weight], …] of neighbours with one weight."""
    runs = []
    for character, weight in zip(text, weights):
        size = len(character.encode())
        if runs and runs[-1][1] == weight:
            runs[-1][0] += size
        else:
            runs.append([size, weight])
    return runs


def main():
    cases = [{"text": text, "loss_scale": scale, "runs": run_lengths(text, weights_of(text, scale))}
             for text in TURNS for scale in SCALES if any(w != 1 for w in weights_of(text, scale))
             or scale in ("react", "hermes", "ignore_empty_think")]
    print(json.dumps({"made_by": "tests/golden/loss_scale.py", "python": platform.python_version(), "cases": cases},
                     ensure_ascii=False, indent=0))


main()
