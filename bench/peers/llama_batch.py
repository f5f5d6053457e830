"""llama.cpp (through llama-cpp-python): prefill and greedy decode of several sequences in one batch.

    llama_batch.py MODEL.gguf [--batch 1,8,32] [--prompt 128] [--new 64] [--runs 2]

Prints one JSON line for each batch size; the best of the runs. prefill_tokens_per_second counts all prompts,
decode_tokens_per_second the tokens after each sequence's first, tokens_per_second all generated tokens over the
whole time. The cache has llama.cpp's default precision (fp16) and is shared by the sequences as llama-server does.
"""
import argparse
import os
import random
import resource
import sys
import time

import llama_cpp
import numpy

import machine


class Batched:
    def __init__(self, path, sequences, tokens):
        llama_cpp.llama_backend_init()
        self.model = llama_cpp.llama_model_load_from_file(path.encode(), llama_cpp.llama_model_default_params())
        if not self.model:
            sys.exit(f"{path}: llama.cpp cannot load it")
        settings = llama_cpp.llama_context_default_params()
        settings.n_ctx = sequences * tokens
        settings.n_batch = 2048
        settings.n_seq_max = sequences
        settings.n_threads = settings.n_threads_batch = os.cpu_count()
        self.context = llama_cpp.llama_init_from_model(self.model, settings)
        self.vocabulary = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(self.model))
        self.batch = llama_cpp.llama_batch_init(2048, 0, 1)

    def feed(self, rows):
        """rows of (token, position, sequence, wants logits) to the most likely next ids of those that want them."""
        for index, (token, position, sequence, wanted) in enumerate(rows):
            self.batch.token[index] = token
            self.batch.pos[index] = position
            self.batch.n_seq_id[index] = 1
            self.batch.seq_id[index][0] = sequence
            self.batch.logits[index] = wanted
        self.batch.n_tokens = len(rows)
        if llama_cpp.llama_decode(self.context, self.batch) != 0:
            sys.exit("llama_decode failed")
        ids = []
        for index, row in enumerate(rows):
            if row[3]:
                logits = llama_cpp.llama_get_logits_ith(self.context, index)
                ids.append(int(numpy.ctypeslib.as_array(logits, (self.vocabulary,)).argmax()))
        return ids

    def clear(self):
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self.context), True)


def run(peer, prompts, new):
    """Prefill seconds and decode seconds: new - 1 passes of all sequences."""
    peer.clear()
    start = time.perf_counter()
    rows = [(token, position, sequence, position == len(prompt) - 1)
            for sequence, prompt in enumerate(prompts) for position, token in enumerate(prompt)]
    ids = []
    for first in range(0, len(rows), 2048):
        ids += peer.feed(rows[first:first + 2048])
    filled = time.perf_counter()
    for step in range(new - 1):
        ids = peer.feed([(token, len(prompts[0]) + step, sequence, True) for sequence, token in enumerate(ids)])
    return filled - start, time.perf_counter() - filled


def main():
    options = argparse.ArgumentParser()
    options.add_argument("model")
    options.add_argument("--batch", default="1", help="sizes, separated by commas")
    options.add_argument("--prompt", type=int, default=128)
    options.add_argument("--new", type=int, default=64)
    options.add_argument("--runs", type=int, default=2)
    given = options.parse_args()
    sizes = [int(size) for size in given.batch.split(",")]
    peer = Batched(given.model, max(sizes), given.prompt + given.new)
    source = random.Random(0)
    for size in sizes:
        prompts = [[source.randrange(1000, min(100000, peer.vocabulary)) for _ in range(given.prompt)]
                   for _ in range(size)]
        run(peer, [prompts[0][:16]], 2)
        times = [run(peer, prompts, given.new) for _ in range(given.runs)]
        fill, decode = min(fill for fill, _ in times), min(decode for _, decode in times)
        rates = dict(prefill_tokens_per_second=size * given.prompt / fill,
                     tokens_per_second=size * given.new / min(fill + decode for fill, decode in times))
        if given.new > 1:
            rates["decode_tokens_per_second"] = size * (given.new - 1) / decode
        machine.emit(dict(peer="llama.cpp", batch=size, prompt=given.prompt, new=given.new, **rates,
                          peak_rss_gib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
                          system=llama_cpp.llama_print_system_info().decode().strip()),
                     "llama-cpp-python")


if __name__ == "__main__":
    main()
