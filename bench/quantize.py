"""Seconds to quantize a model of Qwen3-0.6B's shape on a CPU: ours against GPTQModel and AutoAWQ, on equal tokens.

    quantize.py OUT --tokenizer DIR --data FILE.jsonl --python PYTHON [--layers 2] [--samples 128] [--length 512]
                [--methods gptq awq] [--swift PATH] [--threads 2]

OUT receives a random bf16 checkpoint of the shape with that many of its 28 layers (bench/make_model.py): all programs
pass the same number of equal layers one after another, so the ratio is that of the whole model. PYTHON imports
torch, transformers, gptqmodel and awq (peers/quantizers.py). Ours counts its whole run, reading and writing
included, without perplexity; the peers count their quantize() alone. CPU seconds of all threads are there for a machine
that is not idle.
One JSON line a method.
"""
import argparse
import json
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "peers"))
import machine  # noqa: E402

PEERS = {"gptq": "gptqmodel", "awq": "autoawq"}


def make_model(given):
    code = (f"import sys; sys.path.insert(0, {str(HERE)!r}); import make_model as m; "
            f"m.SHAPES['0.6b']['num_hidden_layers'] = {given.layers}; "
            f"sys.argv = ['make_model.py', {str(given.out / 'model')!r}, '--tokenizer', {str(given.tokenizer)!r}]; m.main()")
    subprocess.run([given.python, "-c", code], check=True)


def ours(given, method):
    target = given.out / method
    shutil.rmtree(target, ignore_errors=True)
    words = [given.swift, "export", "--model", given.out / "model", "--quant_method", method, "--dataset", given.data,
             "--dataset_shuffle", "false", "--max_length", str(given.length), "--quant_n_samples", str(given.samples),
             "--quant_eval_samples", "0", "--output_dir", target]
    start, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(words, check=True, env=os.environ | {"OMP_NUM_THREADS": str(given.threads)})
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter() - start, spent.ru_utime + spent.ru_stime - used.ru_utime - used.ru_stime


def sequences(given):
    code = ("import json, sys, transformers\nt, ids = transformers.AutoTokenizer.from_pretrained(sys.argv[1]), []\n"
            "for line in open(sys.argv[2]): ids += t(json.loads(line)['text']).input_ids\n"
            "n, k = int(sys.argv[3]), int(sys.argv[4])\n"
            "assert len(ids) >= n * k\njson.dump([ids[i * n:(i + 1) * n] for i in range(k)], open(sys.argv[5], 'w'))")
    path = given.out / "calibration.json"
    subprocess.run([given.python, "-c", code, given.out / "model", given.data, str(given.length), str(given.samples), path],
                   check=True)
    return path


def main():
    options = argparse.ArgumentParser()
    options.add_argument("out", type=pathlib.Path)
    for name in ("--tokenizer", "--data", "--python"):
        options.add_argument(name, required=True)
    options.add_argument("--layers", type=int, default=2)
    options.add_argument("--samples", type=int, default=128)
    options.add_argument("--length", type=int, default=512)
    options.add_argument("--methods", nargs="+", default=["gptq", "awq"])
    options.add_argument("--swift", default=HERE.parent / "build/release/swift")
    options.add_argument("--threads", type=int, default=2)
    given = options.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    before = machine.machine()  # so that load_1m is other people's
    version = subprocess.run([given.swift, "version"], check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[0]
    make_model(given)
    calibration = sequences(given)
    for method in given.methods:
        own, own_cpu = ours(given, method)
        words = [given.python, HERE / "peers/quantizers.py", PEERS[method], "--model", given.out / "model",
                 "--calibration", calibration, "--threads", str(given.threads)]
        peer = json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1])
        print(json.dumps(dict(comparison="quantize", method=method, layers=given.layers, tokens=given.samples * given.length,
                              seconds=own, cpu_seconds=own_cpu, peer_seconds=peer["seconds"], ratio=peer["seconds"] / own,
                              cpu_ratio=peer["cpu_seconds"] / own_cpu, peer=peer, machine=before,
                              versions=dict(swift=version))), flush=True)


if __name__ == "__main__":
    main()
