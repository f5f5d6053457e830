"""Figures of swift's inference, one JSON line each; ratio is ours / theirs.

    serving.py decode   --model DIR --gguf FILE   batch 1: llama.cpp, and the share of the memory's read bandwidth
    serving.py prefill  --model DIR --gguf FILE   a prompt of 512 tokens: llama.cpp
    serving.py batch    --model DIR --gguf FILE   32 requests at once: llama.cpp, transformers batched and one by one
    serving.py batches  --model DIR --gguf FILE --plots DIR   decode of 1 to 64 requests at once, and a plot (SVG)
    serving.py contexts --model DIR --gguf FILE --plots DIR   prompts of 128 to 8192 tokens, and plots
    serving.py overhead --model DIR               32 requests over HTTP against the engine in the process
    serving.py prefix   --model DIR               time to first token of a repeated prefix of 2,000 tokens
    serving.py start    --model DIR               seconds from the command to the first token

Both sides of a line take turns in one run; speed is the best of a side's turns. Model directories: make_model.py.
The machine should be otherwise idle, or the whole run at real-time priority: chrt -r 5 python serving.py …
"""
import argparse
import concurrent.futures
import http.client
import json
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time

import compare
import plot

HERE = pathlib.Path(__file__).resolve().parent
SENTENCE = "A list comprehension builds a new list from an existing one. "
WORDS = ("alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau upsilon "
         "phi chi psi omega").split()


def line(name, version, other=None, **more):
    versions = dict(other["versions"] if other else {}, swift=version)
    print(json.dumps(dict(comparison=name, **more, machine=compare.BEFORE, versions=versions)), flush=True)


def versus(name, version, ours, other, theirs, wanted, **more):
    line(name, version, other, peer=other["peer"], ratio=round(ours / theirs, 4), ours=round(ours, 3),
         theirs=round(theirs, 3), wanted=wanted, **more)


def questions(count, tokens):
    """Requests of about `tokens` tokens that share no block of their beginning."""
    sentences = max(1, round((tokens - 12) / 12))
    return [f"{WORDS[index % len(WORDS)]} {index}: " + (SENTENCE * sentences).strip() for index in range(count)]


def swift_infer(given, prompts, new, batch, *more):
    """Rates of the engine in the process, and the prompts' mean length as tokens. more: further options."""
    with tempfile.TemporaryDirectory() as folder:
        rows, answers = pathlib.Path(folder) / "in.jsonl", pathlib.Path(folder) / "out.jsonl"
        rows.write_text("".join(json.dumps(dict(messages=[dict(role="user", content=text)])) + "\n"
                                for text in prompts))
        _, log, resident = compare.launch([
            given.swift, "infer", "--model", given.model, "--torch_dtype", "bfloat16", "--infer_input", rows,
            "--result_path", answers, "--temperature", "0", "--ignore_eos", "true", "--max_new_tokens", new,
            "--max_batch_size", batch, *more])
        found = re.search(r"prefill (\d+) tokens in ([\d.]+) s .*decode (\d+) tokens in ([\d.]+) s", log)
        if not found:
            raise compare.Failed(f"swift infer printed no rates:\n{log[-2000:]}")
        usages = [json.loads(answer)["usage"] for answer in answers.read_text().splitlines()]
    if any(usage["completion_tokens"] != new for usage in usages):
        raise compare.Failed("swift stopped early")
    filled, fill, decoded, decode = int(found[1]), float(found[2]), int(found[3]), float(found[4])
    return dict(prefill=filled / fill, decode=decoded / decode if decode else 0.0, seconds=fill + decode,
                whole=len(prompts) * new / (fill + decode), resident=resident,
                prompt=round(sum(usage["prompt_tokens"] for usage in usages) / len(usages)))


def best(runs, key):
    return max(runs, key=lambda run: run[key])


def llama(given, batch, prompt, new, runs=1):
    """One result for each size in `batch`."""
    text, _, _ = compare.launch([sys.executable, HERE / "peers" / "llama_batch.py", given.gguf, "--batch", batch,
                                 "--prompt", prompt, "--new", new, "--runs", runs])
    return [json.loads(one) for one in text.strip().splitlines()]


def read_bandwidth():
    """GB/s of a program that only reads."""
    with tempfile.TemporaryDirectory() as folder:
        program = pathlib.Path(folder) / "bandwidth"
        compare.launch(["g++", "-O3", "-march=native", "-pthread", HERE / "bandwidth.cc", "-o", program])
        return float(compare.launch([program])[0])


def weight_bytes(model):
    """Bytes that a token reads: all weights of the model."""
    return sum(file.stat().st_size for file in pathlib.Path(model).glob("*.safetensors"))


def decode(given, version):
    ours, theirs, memory = [], [], []
    for _ in range(given.runs):
        memory.append(read_bandwidth())
        ours.append(swift_infer(given, questions(1, 128), 64, 1))
        theirs += llama(given, 1, ours[0]["prompt"], 64)
    mine, other = best(ours, "decode"), best(theirs, "decode_tokens_per_second")
    versus("decode_batch_1", version, mine["decode"], other, other["decode_tokens_per_second"], "ratio >= 1.0",
           unit="generated tokens/s, prompt not counted", prompt=mine["prompt"], new=64)
    read = mine["decode"] * weight_bytes(given.model) / 1e9
    line("decode_bandwidth", version, ratio=round(read / max(memory), 4), wanted="ratio >= 0.9",
         ours=round(read, 2), theirs=max(memory), unit="GB/s of weights read, against a program that only reads")


def prefill(given, version):
    ours, theirs = [], []
    for _ in range(given.runs):
        ours.append(swift_infer(given, questions(1, 512), 2, 1))
        theirs += llama(given, 1, ours[0]["prompt"], 1)
    mine, other = best(ours, "prefill"), best(theirs, "prefill_tokens_per_second")
    versus("prefill_512", version, mine["prefill"], other, other["prefill_tokens_per_second"], "ratio >= 1.5",
           unit="prompt tokens/s", prompt=mine["prompt"])


def batch(given, version):
    ours, theirs = [], []
    for _ in range(given.runs):
        ours.append(swift_infer(given, questions(32, 128), 64, 32))
        theirs += llama(given, 32, ours[0]["prompt"], 64)
    shape = dict(batch=32, prompt=ours[0]["prompt"], new=64)
    other = best(theirs, "decode_tokens_per_second")
    versus("decode_batch_32", version, best(ours, "decode")["decode"], other, other["decode_tokens_per_second"],
           "ratio >= 2", unit="generated tokens/s, prompts not counted", **shape)
    whole = best(ours, "whole")["whole"]
    versus("requests_32", version, whole, other, best(theirs, "tokens_per_second")["tokens_per_second"], None,
           unit="generated tokens/s, prompts included", **shape)
    batched = compare.peer("hf_generate.py", given.model, "--batch", 32, "--prompt", shape["prompt"], "--new",
                           given.hf_new, "--runs", 1)
    versus("requests_32_transformers_batched", version, whole, batched, batched["whole_tokens_per_second"],
           "ratio >= 6", unit="generated tokens/s, prompts included", their_new=given.hf_new, **shape)
    single = compare.peer("hf_generate.py", given.model, "--prompt", shape["prompt"], "--new", 64, "--runs", 1)
    versus("requests_32_transformers_one_by_one", version, whole, single, single["whole_tokens_per_second"],
           "ratio >= 30", unit="generated tokens/s, prompts included; theirs from one request of the 32", **shape)


def batches(given, version):
    sizes = [1, 2, 4, 8, 16, 32, 64]
    mine = [swift_infer(given, questions(size, 64), 16, size) for size in sizes]
    other = llama(given, ",".join(map(str, sizes)), mine[0]["prompt"], 16)
    for size, a, b in zip(sizes, mine, other):
        versus("decode_by_batch", version, a["decode"], b, b["decode_tokens_per_second"], None, batch=size,
               prompt=a["prompt"], new=16, unit="generated tokens/s, prompts not counted")
    plot.lines(pathlib.Path(given.plots) / "decode-by-batch.svg",
               "Decode, tokens/s over requests at once (prompt 64)", sizes,
               {"swift": [run["decode"] for run in mine],
                "llama.cpp": [run["decode_tokens_per_second"] for run in other]})


def contexts(given, version):
    """llama.cpp's curve ends at 2048: longer prompts take it minutes."""
    lengths = [128, 256, 512, 1024, 2048, 4096, 8192]
    mine = [swift_infer(given, questions(1, length), 16, 1) for length in lengths]
    other = [llama(given, 1, run["prompt"], 16)[0] for run in mine[:-2]]
    for title, own, their in (("Decode", "decode", "decode_tokens_per_second"),
                              ("Prefill", "prefill", "prefill_tokens_per_second")):
        for a, b in zip(mine, other):
            versus(f"{own}_by_context", version, a[own], b, b[their], None, prompt=a["prompt"], new=16,
                   unit="tokens/s")
        for run in mine[len(other):]:
            line(f"{own}_by_context", version, ours=round(run[own], 3), prompt=run["prompt"], new=16, unit="tokens/s")
        plot.lines(pathlib.Path(given.plots) / f"{own}-by-context.svg",
                   f"{title}, tokens/s over tokens of context, one request", lengths,
                   {"swift": [run[own] for run in mine], "llama.cpp": [run[their] for run in other]})


class Server:
    """swift deploy on a free port of the loopback, ready when entered."""

    def __init__(self, given, *more):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen([given.swift, "deploy", "--model", given.model, "--host", "127.0.0.1",
                                         "--port", str(self.port), *more], stdout=self.log, stderr=self.log)

    def __enter__(self):
        while True:
            try:
                if self.get("/ready") == 200:
                    return self
            except OSError:
                pass
            if self.process.poll() is not None:
                self.log.seek(0)
                raise compare.Failed(f"swift deploy ended:\n{self.log.read()[-2000:]}")
            time.sleep(0.05)

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(60)

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        connection.request("GET", path)
        return connection.getresponse().status

    def chat(self, text, new, stream=False):
        """The answer's usage and the seconds to the first byte of content."""
        body = dict(messages=[dict(role="user", content=text)], max_tokens=new, temperature=0, ignore_eos=True,
                    stream=stream)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        begin = time.perf_counter()
        connection.request("POST", "/v1/chat/completions", json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        if answer.status != 200:
            raise compare.Failed(f"HTTP {answer.status}: {answer.read()[:500]}")
        if stream:
            while answer.readline():
                pass
            return None, 0.0
        return json.loads(answer.read())["usage"], time.perf_counter() - begin


def overhead(given, version):
    prompts = questions(32, 128)
    bare, served, streamed = [], [], []
    for _ in range(given.runs):
        bare.append(swift_infer(given, prompts, 64, 32)["seconds"])
        for stream, seconds in ((False, served), (True, streamed)):
            with Server(given, "--enable_prefix_caching", "false") as server, \
                    concurrent.futures.ThreadPoolExecutor(len(prompts)) as pool:
                server.chat("Hello.", 1)
                begin = time.perf_counter()
                list(pool.map(lambda text: server.chat(text, 64, stream), prompts))
                seconds.append(time.perf_counter() - begin)
    for name, seconds in (("server_overhead", served), ("server_overhead_streaming", streamed)):
        line(name, version, ratio=round(min(seconds) / min(bare), 4),
             wanted="ratio <= 1.03" if seconds is served else None, ours=round(min(seconds), 3),
             theirs=round(min(bare), 3), unit="seconds for 32 requests, over HTTP against swift infer; the client, "
             "in Python, shares the cores", all_ours=seconds, all_theirs=bare)


def prefix(given, version):
    cold, warm = [], []
    with Server(given) as server:
        server.chat("Hello.", 1)
        for turn in range(max(3, given.runs)):
            shared = questions(turn + 1, 2000)[turn]
            usage, seconds = server.chat(shared + " First?", 1)
            cold.append(seconds)
            usage, seconds = server.chat(shared + " And the second one?", 1)
            warm.append(seconds)
    line("prefix_ttft", version, ratio=round(min(warm) / min(cold), 4), wanted="ratio <= 0.05", ours=round(min(warm), 4),
         theirs=round(min(cold), 4), unit="seconds to an answer of one token, prefix repeated against not",
         prompt=usage["prompt_tokens"], cached=(usage.get("prompt_tokens_details") or {}).get("cached_tokens"))


def start(given, version):
    seconds = []
    for _ in range(5):
        begin = time.perf_counter()
        process = subprocess.Popen([given.swift, "infer", "--model", given.model, "--prompt", "hello",
                                    "--max_new_tokens", "8", "--stream", "true"],
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        process.stdout.read(1)
        seconds.append(time.perf_counter() - begin)
        process.communicate()
    line("start_to_first_token", version, seconds=round(min(seconds), 3), all_seconds=[round(s, 3) for s in seconds],
         wanted="<= 0.5 s", model=pathlib.Path(given.model).name)


WORK = dict(decode=decode, prefill=prefill, batch=batch, batches=batches, contexts=contexts, overhead=overhead,
            prefix=prefix, start=start)


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    work = options.add_subparsers(dest="work", required=True)
    for name in WORK:
        one = work.add_parser(name)
        one.add_argument("--swift", required=True, help="the executable")
        one.add_argument("--model", required=True, help="model directory in bf16")
        one.add_argument("--runs", type=int, default=2, help="turns of each side")
        if name in ("decode", "prefill", "batch", "batches", "contexts"):
            one.add_argument("--gguf", required=True, help="the same weights, from peers/to_gguf.py")
    work.choices["batch"].add_argument("--hf-new", type=int, default=64, help="tokens that transformers generates")
    for name in ("batches", "contexts"):
        work.choices[name].add_argument("--plots", required=True, help="folder of the SVG files")
    given = options.parse_args()
    try:
        WORK[given.work](given, compare.swift_version(given.swift))
    except (compare.Failed, OSError) as problem:
        sys.exit(str(problem))


if __name__ == "__main__":
    main()
