"""Figures of 4-bit inference, one JSON line each; ratio is ours / theirs.

    packed.py --swift EXE --model DIR --base DIR --gguf Q4_0.gguf [--runs 3] [--only decode,prefill,batch,start]

--model: an AWQ or GPTQ checkpoint (swift export --quant_method rtn --quant_format awq), --base: the bf16 model that it
was made from, --gguf: the same weights as llama.cpp's Q4_0 (peers/to_gguf.py, then peers/q4_0.py).

Against llama.cpp: decode at batch 1, a prompt of 512 tokens, 32 requests at once. Against our own bf16: decode at
batch 1. start: seconds from the command to the first token. Ours is measured with activations in bf16 and with
--cpu_act int8, which is what llama.cpp's Q4_0 computes with; both with --lm_head_dtype int8 (its head is Q6_K).
All sides of a line take turns in one run; a side's figure is the best of its turns. The machine should be otherwise
idle, or the whole run at real-time priority: chrt -r 5 python packed.py ...
"""
import argparse
import copy
import subprocess
import sys
import time

import compare
import serving

HEAD = ("--lm_head_dtype", "int8")
SIDES = dict(w4a16=HEAD, w4a8=HEAD + ("--cpu_act", "int8"))
# prompts, tokens of a prompt, new tokens, the rate that counts, llama.cpp's name of it, wanted
WORK = dict(decode=(1, 128, 64, "decode", "decode_tokens_per_second", "ratio >= 1.3"),
            prefill=(1, 512, 2, "prefill", "prefill_tokens_per_second", "ratio >= 1.3"),
            batch=(32, 128, 64, "decode", "decode_tokens_per_second", "ratio >= 2"))


def compared(given, version, name):
    count, tokens, new, rate, their_rate, wanted = WORK[name]
    prompts = serving.questions(count, tokens)
    base = copy.copy(given)
    base.model = given.base
    ours, theirs, whole = {side: [] for side in SIDES}, [], []
    for _ in range(given.runs):
        for side, options in SIDES.items():
            ours[side].append(serving.swift_infer(given, prompts, new, count, *options))
        theirs += serving.llama(given, count, ours["w4a16"][0]["prompt"], new)
        if name == "decode":
            whole.append(serving.swift_infer(base, prompts, new, count))
    shape = dict(batch=count, prompt=ours["w4a16"][0]["prompt"], new=new)
    other = serving.best(theirs, their_rate)
    for side, runs in ours.items():
        mine = serving.best(runs, rate)[rate]
        serving.versus(f"packed_{name}", version, mine, other, other[their_rate], wanted, side=side, unit="tokens/s",
                       all_ours=[round(run[rate], 2) for run in runs],
                       all_theirs=[round(run[their_rate], 2) for run in theirs], **shape)
        if whole:
            full = serving.best(whole, rate)[rate]
            serving.line("packed_decode_against_bf16", version, ratio=round(mine / full, 4), wanted="ratio >= 2.2",
                         side=side, ours=round(mine, 3), theirs=round(full, 3), unit="tokens/s", **shape)


def start(given, version):
    for cache in ("false", "true"):
        seconds = []
        for _ in range(6):
            begin = time.perf_counter()
            process = subprocess.Popen([given.swift, "infer", "--model", given.model, "--prompt", "hello",
                                        "--max_new_tokens", "8", "--stream", "true", "--torch_dtype", "bfloat16",
                                        "--layout_cache", cache, *HEAD],
                                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            process.stdout.read(1)
            seconds.append(time.perf_counter() - begin)
            process.communicate()
        serving.line("packed_start_to_first_token", version, seconds=round(min(seconds), 3), layout_cache=cache,
                     all_seconds=[round(s, 3) for s in seconds], wanted="<= 0.5 s")


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--swift", required=True, help="the executable")
    options.add_argument("--model", required=True, help="AWQ or GPTQ checkpoint")
    options.add_argument("--base", required=True, help="the same model in bf16")
    options.add_argument("--gguf", required=True, help="the same model in llama.cpp's Q4_0")
    options.add_argument("--runs", type=int, default=3, help="turns of each side")
    options.add_argument("--only", default="decode,prefill,batch,start")
    given = options.parse_args()
    try:
        version = compare.swift_version(given.swift)
        for name in given.only.split(","):
            start(given, version) if name == "start" else compared(given, version, name)
    except (compare.Failed, OSError) as problem:
        sys.exit(str(problem))


if __name__ == "__main__":
    main()
