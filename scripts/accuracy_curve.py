#!/usr/bin/env python3
"""Draws the accuracy of a GRPO run over time as SVG: the training reward of each step and the held-out accuracy.

    accuracy_curve.py logging.jsonl CURVE.svg

Prints the first and the last held-out accuracy. Standard library only.
"""
import json
import pathlib
import sys

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 360, 56, 130, 40, 44
TRAINING, HELD_OUT = "#9db8d9", "#1f6feb"


def text(x, y, words, anchor="middle", colour="#333333"):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="12" fill="{colour}">{words}</text>'


def main():
    log = [json.loads(line) for line in open(sys.argv[1])]
    steps = [(e["step"], e["reward"], e["elapsed_seconds"]) for e in log if "reward" in e and "step" in e]
    held_out = [(e["step"], e["eval_reward"]) for e in log if "eval_reward" in e]
    last = max(step for step, *_ in steps)
    seconds = max(time for *_, time in steps)

    def place(step, value):
        return LEFT + (WIDTH - LEFT - RIGHT) * step / last, HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">',
             f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
             text(LEFT, 22, f"GRPO on sums up to 20: share of right answers ({seconds:.0f} s of training)", "start")]
    for tick in range(6):
        x, y = place(last * tick / 5, tick / 5)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#dddddd"/>')
        parts.append(text(LEFT - 8, y + 4, f"{20 * tick} %", "end"))
        parts.append(text(x, HEIGHT - BOTTOM + 18, round(last * tick / 5)))
    parts.append(text(LEFT + (WIDTH - LEFT - RIGHT) / 2, HEIGHT - 8, "update"))
    for name, colour, points in (("sampled, training", TRAINING, [place(s, r) for s, r, _ in steps]),
                                 ("greedy, held out", HELD_OUT, [place(s, r) for s, r in held_out])):
        joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{joined}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(text(points[-1][0] + 8, points[-1][1] + (4 if colour == HELD_OUT else 20), name, "start", colour))
    target = pathlib.Path(sys.argv[2])
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("\n".join([*parts, "</svg>", ""]))
    print(f"held-out accuracy: {held_out[0][1]:.3f} before, {held_out[-1][1]:.3f} after {last} updates, {seconds:.0f} s")


if __name__ == "__main__":
    main()
