"""Preference pairs of the demo: assets/demo/preferences.jsonl and preferences_heldout.jsonl, the same bytes on every run.

Requests and right answers come from instruct.jsonl and heldout.jsonl. Each answer is put in two forms, and the request
decides which one is preferred: one that ends with a question mark wants "The answer is X.", any other wants "X, as
asked.". Half of the pairs are of either kind, so that a model that likes one form whatever the request is right on half
of them.  usage: python3 scripts/make_preference_data.py
"""
import json
import pathlib
import random

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "assets/demo"
SEED = 20250201


def forms(request, answer):
    """(preferred, other)"""
    said, done = f"The answer is {answer}.", f"{answer}, as asked."
    return (said, done) if request.endswith("?") else (done, said)


def pairs(source, count, draw):
    rows = [[m["content"] for m in json.loads(line)["messages"]] for line in open(FOLDER / source)]
    asks = [row for row in rows if row[0].endswith("?")]
    tells = [row for row in rows if not row[0].endswith("?")]
    chosen = draw.sample(asks, count // 2) + draw.sample(tells, count // 2)
    draw.shuffle(chosen)
    for request, answer in chosen:
        preferred, other = forms(request, answer)
        yield dict(messages=[dict(role="user", content=request), dict(role="assistant", content=preferred)],
                   rejected_response=other)


def main():
    draw = random.Random(SEED)
    for name, source, count in (("preferences", "instruct.jsonl", 480), ("preferences_heldout", "heldout.jsonl", 60)):
        with open(FOLDER / f"{name}.jsonl", "w") as out:
            for row in pairs(source, count, draw):
                out.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
