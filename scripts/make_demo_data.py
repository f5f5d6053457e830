#!/usr/bin/env python3
"""Writes the demo's texts into assets/demo: corpus.jsonl, instruct.jsonl, heldout.jsonl, and the problems of
arithmetic.jsonl and arithmetic_heldout.jsonl.

Development-time only; Python's standard library, no network. The same bytes on every run (seeded).
All text comes from the patterns and word tables in scripts/demo_data.

    python3 scripts/make_demo_data.py [OUTPUT_DIR]
"""
import json
import pathlib
import random
import sys

from demo_data.exercises import TASKS, talk, worksheet
from demo_data.stories import facts, passage_with_questions, story

SEED = 20240
CORPUS_BYTES = 4_200_000
INSTRUCT_ROWS = 2000
HELDOUT_PER_TASK = 8
HELDOUT_PROBLEMS = 62
# Share of documents; worksheets and talks are what the instruction set builds on.
MIX = [(story, 0.17), (facts, 0.14), (passage_with_questions, 0.13), (worksheet, 0.36), (talk, 0.2)]


def corpus(rng: random.Random) -> list[str]:
    documents, seen, size = [], set(), 0
    makers, weights = zip(*MIX)
    while size < CORPUS_BYTES:
        text = rng.choices(makers, weights)[0](rng)
        if text not in seen:
            seen.add(text)
            documents.append(text)
            size += len(text.encode())
    return documents


def requests(rng: random.Random) -> tuple[list[dict], list[dict]]:
    """Instruction rows and held-out rows. No instance (a task with its operands) occurs in both, no prompt twice."""
    heldout, keys, prompts = [], set(), set()
    for task, ask in TASKS.items():
        found = 0
        while found < HELDOUT_PER_TASK:
            prompt, answer, key = ask(rng)
            if key not in keys:
                keys.add(key)
                prompts.add(prompt)
                heldout.append({"messages": turn(prompt, answer), "solution": answer, "task": task})
                found += 1
    instruct, tasks = [], list(TASKS.values())
    while len(instruct) < INSTRUCT_ROWS:
        prompt, answer, key = tasks[len(instruct) % len(tasks)](rng)
        if key not in keys and prompt not in prompts:
            prompts.add(prompt)
            instruct.append({"messages": turn(prompt, answer)})
    rng.shuffle(instruct)
    return instruct, heldout


def problems(rng: random.Random) -> tuple[list[dict], list[dict]]:
    """Sums and differences up to 20 with their solution, for training and held out: no operands in both."""
    sums = [("+", a, b) for a in range(21) for b in range(21 - a)]
    instances = sums + [("-", a + b, b) for _, a, b in sums]
    rng.shuffle(instances)
    forms = {"+": ["Add {a} and {b}.", "Calculate {a} + {b}.", "How much is {a} plus {b}?"],
             "-": ["Subtract {b} from {a}.", "Calculate {a} - {b}.", "How much is {a} minus {b}?"]}
    rows = [{"messages": [{"role": "user", "content": rng.choice(forms[sign]).format(a=a, b=b)}],
             "solution": str(a + b if sign == "+" else a - b)} for sign, a, b in instances]
    return rows[HELDOUT_PROBLEMS:], rows[:HELDOUT_PROBLEMS]


def turn(prompt: str, answer: str) -> list[dict]:
    return [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]


def check(documents: list[str], instruct: list[dict], heldout: list[dict]) -> None:
    """Held-out prompts occur neither among the instructions nor, word for word, in the corpus."""
    everything = "\n".join(documents)
    seen = {row["messages"][0]["content"] for row in instruct}
    for row in heldout:
        prompt = row["messages"][0]["content"]
        if prompt in seen or prompt in everything:
            sys.exit(f"held-out prompt is not unseen: {prompt!r}")


def write(path: pathlib.Path, rows: list[dict]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    print(f"{path.name}: {len(rows)} rows, {path.stat().st_size} bytes")


def main() -> None:
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parents[1] / "assets/demo"
    folder.mkdir(parents=True, exist_ok=True)
    documents = corpus(random.Random(SEED))
    instruct, heldout = requests(random.Random(SEED + 1))
    check(documents, instruct, heldout)
    write(folder / "corpus.jsonl", [{"text": text} for text in documents])
    write(folder / "instruct.jsonl", instruct)
    write(folder / "heldout.jsonl", heldout)
    training, unseen = problems(random.Random(SEED + 2))
    write(folder / "arithmetic.jsonl", training)
    write(folder / "arithmetic_heldout.jsonl", unseen)


if __name__ == "__main__":
    main()
