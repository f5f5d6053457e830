"""transformers' generate in bf16, greedy.

    hf_generate.py MODEL [--batch 1] [--prompt 128] [--new 64] [--runs 2]

Prints one JSON line, the best of the runs: tokens_per_second counts the tokens after each sequence's first over
the time after it, whole_tokens_per_second all generated tokens over the whole time, the prompt's included.
"""
import argparse
import os
import resource
import time

import torch
from transformers import AutoModelForCausalLM
from transformers.generation.streamers import BaseStreamer

import machine


class Clock(BaseStreamer):
    """Notes when each token comes out of generate; the first call hands over the prompt."""

    def __init__(self):
        self.ticks = []

    def put(self, value):
        self.ticks.append(time.perf_counter())

    def end(self):
        pass


def run(model, ids, new):
    """Seconds of the whole, and from the first generated token to the last (streamers take one sequence)."""
    clock = Clock() if ids.shape[0] == 1 else None
    start = time.perf_counter()
    model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=new, min_new_tokens=new,
                   do_sample=False, pad_token_id=0, streamer=clock)
    whole = time.perf_counter() - start
    return whole, clock.ticks[-1] - clock.ticks[1] if clock else None


def main():
    options = argparse.ArgumentParser()
    options.add_argument("model")
    options.add_argument("--batch", type=int, default=1)
    options.add_argument("--prompt", type=int, default=128)
    options.add_argument("--new", type=int, default=64)
    options.add_argument("--runs", type=int, default=2)
    given = options.parse_args()
    torch.set_num_threads(os.cpu_count())
    model = AutoModelForCausalLM.from_pretrained(given.model, dtype=torch.bfloat16).eval()
    source = torch.Generator().manual_seed(0)
    ids = torch.randint(1000, min(100000, model.config.vocab_size), (given.batch, given.prompt), generator=source)
    run(model, ids[:1], 4)
    times = [run(model, ids, given.new) for _ in range(given.runs)]
    result = dict(peer="transformers", batch=given.batch, prompt=given.prompt, new=given.new,
                  whole_tokens_per_second=given.batch * given.new / min(whole for whole, _ in times),
                  peak_rss_gib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
    if given.batch == 1:
        result["tokens_per_second"] = (given.new - 1) / min(decode for _, decode in times)
    machine.emit(result, "transformers", "torch")


if __name__ == "__main__":
    main()
