"""Perplexity of a model before and after quantization, by method, bits and group: the table of docs/quantization.md.

    quantization_quality.py --model DIR --data TRAIN.jsonl [--held-out FILE.jsonl] [--swift PATH] [--samples 128]
                            [--length 512] [--held-out-samples 256] [--cases "gptq:4:64 awq:4:64 ..."]
                            [--autoawq PYTHON]

Every case is one `swift export`; its figures are those of its quantization_report.json, on sequences that calibration
did not see. Methods without zero points are rtn and gptq, with them rtn-asym, gptq-asym and awq. Once rounding to
nearest on the same grid was measured (rtn before gptq, rtn-asym before gptq-asym and awq), a line also has the
difference to it: the mean over the sequences and its standard error, pair by pair. With --autoawq (a
Python that imports awq and transformers) AutoAWQ's quantizer runs on the same calibration tokens in fp32, and so do
we. One JSON line a case.
"""
import argparse
import json
import math
import pathlib
import statistics
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
CASES = " ".join(f"{method}:4:{group}" for group in (32, 64, 128) for method in ("rtn", "gptq", "rtn-asym", "gptq-asym", "awq"))


def export(given, folder, method, bits, group, *more):
    out = pathlib.Path(folder) / f"{method}-{bits}-{group}"
    words = [given.swift, "export", "--model", given.model, "--dataset", given.data, "--quant_method", method.removesuffix("-asym"),
             "--quant_bits", str(bits), "--group_size", str(group), "--max_length", str(given.length),
             "--quant_n_samples", str(given.samples), "--quant_eval_samples", str(given.held_out_samples),
             "--dataset_shuffle", "false", "--output_dir", out, *more]
    if method.endswith("-asym"):
        words += ["--quant_sym", "false"]
    if given.held_out:
        words += ["--val_dataset", given.held_out]
    done = subprocess.run(words, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    return json.loads((out / "quantization_report.json").read_text())


def of_pairs(first, second):
    """Mean of second - first and its standard error, in percent (of perplexity, where the losses are near each other)."""
    differences = [100 * (b - a) for a, b in zip(first, second)]
    return statistics.mean(differences), statistics.stdev(differences) / math.sqrt(len(differences))


def sequences(given, path, count, skip=0):
    """As swift makes them: every row and the end token, one after another, cut."""
    import transformers
    tokenizer, ids = transformers.AutoTokenizer.from_pretrained(given.model), []
    for line in open(path):
        ids += tokenizer(json.loads(line)["text"]).input_ids + [tokenizer.eos_token_id]
    cut = [ids[i:i + given.length] for i in range(0, len(ids) - given.length + 1, given.length)]
    return cut[skip:skip + count]


def against_autoawq(given, folder, bits, group):
    ours = export(given, folder, "awq", bits, group, "--torch_dtype", "float32")["perplexity"]
    files = {}
    held_out = sequences(given, given.held_out, given.held_out_samples) if given.held_out else sequences(
        given, given.data, given.held_out_samples, given.samples)
    for name, cut in (("calibration", sequences(given, given.data, given.samples)), ("held-out", held_out)):
        files[name] = pathlib.Path(folder) / f"{name}.json"
        files[name].write_text(json.dumps(cut))
    words = [given.autoawq, HERE / "peers/quantizers.py", "autoawq", "--model", given.model, "--bits", str(bits),
             "--group", str(group), "--dtype", "float32"]
    for name, path in files.items():
        words += [f"--{name}", path]
    theirs = json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1])
    return dict(case=f"awq:{bits}:{group}", before=ours["before"], ours=ours["after"], autoawq=theirs["perplexity_after"],
                autoawq_before=theirs["perplexity_before"], ratio=ours["after"] / theirs["perplexity_after"])


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--model", required=True)
    options.add_argument("--data", required=True)
    options.add_argument("--held-out")
    options.add_argument("--swift", default=HERE.parent / "build/release/swift")
    options.add_argument("--samples", type=int, default=128)
    options.add_argument("--length", type=int, default=512)
    options.add_argument("--held-out-samples", type=int, default=256)
    options.add_argument("--cases", default=CASES + " rtn:3:64 gptq:3:64 rtn-asym:3:64 gptq-asym:3:64 awq:3:64 rtn:8:-1 gptq:8:-1")
    options.add_argument("--autoawq")
    given = options.parse_args()
    nearest = {}  # losses of rounding to nearest by grid
    for case in given.cases.split():
        method, bits, group = case.split(":")
        with tempfile.TemporaryDirectory() as folder:
            if given.autoawq:
                result = against_autoawq(given, folder, int(bits), int(group))
            else:
                report = export(given, folder, method, int(bits), int(group))
                found = report["perplexity"]
                grid = ("rtn-asym" if method in ("awq", "gptq-asym") else method.replace("gptq", "rtn"), bits, group)
                if grid[0] == method:
                    nearest[grid] = found["losses_after"]
                result = dict(case=case, before=found["before"], after=found["after"],
                              loss_percent=100 * (found["after"] / found["before"] - 1),
                              loss_error=100 * found["ratio_standard_error"], sequences=len(found["losses_after"]),
                              seconds=report["seconds"], bytes=report["size"]["after"])
                if grid in nearest and grid[0] != method:
                    result["to_nearest_percent"], result["to_nearest_error"] = of_pairs(nearest[grid], found["losses_after"])
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
