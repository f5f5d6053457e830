"""transformers' generate in bf16: greedy decode, the prompt not counted.


Prints one JSON line; tokens_per_second counts the tokens after the first and is the best of the runs.
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
    """Seconds from the first generated token to the last."""
    clock = Clock()
    model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=new, min_new_tokens=new,
                   do_sample=False, pad_token_id=0, streamer=clock)
    return clock.ticks[-1] - clock.ticks[1]


def main():
    options = argparse.ArgumentParser()
    options.add_argument("model")
    options.add_argument("--prompt", type=int, default=128)
    options.add_argument("--new", type=int, default=64)
    options.add_argument("--runs", type=int, default=2)
    given = options.parse_args()
    torch.set_num_threads(os.cpu_count())
    model = AutoModelForCausalLM.from_pretrained(given.model, dtype=torch.bfloat16).eval()
    source = torch.Generator().manual_seed(0)
    ids = torch.randint(1000, min(100000, model.config.vocab_size), (1, given.prompt), generator=source)
    run(model, ids, 4)
    seconds = min(run(model, ids, given.new) for _ in range(given.runs))
    machine.emit(dict(peer="transformers", batch=1, prompt=given.prompt, new=given.new,
                      tokens_per_second=(given.new - 1) / seconds,
                      peak_rss_gib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20),
                 "transformers", "torch")


if __name__ == "__main__":
    main()
