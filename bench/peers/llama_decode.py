"""llama.cpp (through llama-cpp-python): greedy decode at batch 1, the prompt not counted.

    llama_decode.py MODEL.gguf [--prompt 128] [--new 64] [--runs 3] [--check MODEL_DIR]

Prints one JSON line; tokens_per_second is the best of the runs. --check compares the greedy ids with
transformers' in fp32 on the same prompt, which shows that the conversion is right.
"""
import argparse
import ctypes
import os
import random
import resource
import sys
import time

import llama_cpp
import numpy

import machine


class Decoder:
    """One context of llama.cpp at its default precision of the cache (fp16)."""

    def __init__(self, path, context_length):
        llama_cpp.llama_backend_init()
        self.model = llama_cpp.llama_model_load_from_file(path.encode(), llama_cpp.llama_model_default_params())
        if not self.model:
            sys.exit(f"{path}: llama.cpp cannot load it")
        settings = llama_cpp.llama_context_default_params()
        settings.n_ctx = context_length
        settings.n_threads = settings.n_threads_batch = os.cpu_count()
        self.context = llama_cpp.llama_init_from_model(self.model, settings)
        self.vocabulary = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(self.model))

    def greedy(self, ids):
        """Feeds ids after what is cached; returns the most likely next id."""
        array = (ctypes.c_int32 * len(ids))(*ids)
        if llama_cpp.llama_decode(self.context, llama_cpp.llama_batch_get_one(array, len(ids))) != 0:
            sys.exit("llama_decode failed")
        logits = llama_cpp.llama_get_logits_ith(self.context, -1)
        return int(numpy.ctypeslib.as_array(logits, (self.vocabulary,)).argmax())

    def clear(self):
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self.context), True)


def run(decoder, prompt, new):
    """Returns the generated ids, prefill seconds and decode seconds (new - 1 forward passes)."""
    decoder.clear()
    start = time.perf_counter()
    ids = [decoder.greedy(prompt)]
    filled = time.perf_counter()
    while len(ids) < new:
        ids.append(decoder.greedy(ids[-1:]))
    return ids, filled - start, time.perf_counter() - filled


def transformers_ids(directory, prompt, new):
    import torch
    from transformers import AutoModelForCausalLM
    model = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32).eval()
    out = model.generate(torch.tensor([prompt]), max_new_tokens=new, min_new_tokens=new, do_sample=False)
    return out[0, len(prompt):].tolist()


def main():
    options = argparse.ArgumentParser()
    options.add_argument("model")
    options.add_argument("--prompt", type=int, default=128)
    options.add_argument("--new", type=int, default=64)
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--check", metavar="MODEL_DIR")
    given = options.parse_args()
    decoder = Decoder(given.model, given.prompt + given.new)
    source = random.Random(0)
    prompt = [source.randrange(1000, min(100000, decoder.vocabulary)) for _ in range(given.prompt)]
    run(decoder, prompt, 4)
    timed = [run(decoder, prompt, given.new) for _ in range(given.runs)]
    result = dict(peer="llama.cpp", batch=1, prompt=given.prompt, new=given.new,
                  tokens_per_second=(given.new - 1) / min(decode for _, _, decode in timed),
                  prefill_tokens_per_second=given.prompt / min(fill for _, fill, _ in timed),
                  peak_rss_gib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
                  system=llama_cpp.llama_print_system_info().decode().strip())
    if given.check:
        expected = transformers_ids(given.check, prompt, 8)
        result["same_first_ids"] = [a == b for a, b in zip(timed[0][0], expected)]
    machine.emit(result, "llama-cpp-python")


if __name__ == "__main__":
    main()
