"""Loads a quantized directory written by swift in transformers and compares the logits.

    python tests/golden/check_quantized.py --model DIR --logits FILE.safetensors [--tolerance 1e-3]

FILE and the exit code are those of check_adapter.py; exit 77 where nothing can read the form. One line a comparison, after
one that says who unpacked the weights: compressed_tensors and transformers' own FineGrainedFP8 (needs accelerate) for
their forms; awq and gptq of 4 bits by the formulas below, in fp32, and where gptqmodel is there also by its torch kernels:
they multiply in fp16, so that the tolerance is KERNEL_TOLERANCE. transformers parses quantization_config in any case.
Passes with transformers 5.19.0, torch 2.11.0, gptqmodel 7.7.0, compressed-tensors 0.20.1, accelerate 1.15.0.
"""
import importlib.util
import json
import pathlib
import sys
import tempfile

import torch
import transformers
from safetensors.torch import load_file, save_file

import check_adapter

AWQ_ORDER = (0, 4, 1, 5, 2, 6, 3, 7)  # of the columns in a word, from its lowest bits up
KERNEL_TOLERANCE = 0.03
NEEDS = {"awq": "gptqmodel", "gptq": "gptqmodel", "compressed-tensors": "compressed_tensors", "fp8": "accelerate"}


def nibbles(words):
    """int32 (rows, words) to codes (rows, 8 * words), lowest bits first."""
    return ((words[..., None].long() >> torch.arange(0, 32, 4)) & 15).flatten(-2)


def whole_weight(parts, config):
    """fp32 (out, in) of a 4-bit linear: codes less zero points, times scales."""
    if config["quant_method"] == "awq":
        order = torch.tensor(AWQ_ORDER)
        codes, zeros = (nibbles(parts[name]).unflatten(-1, (-1, 8))[..., order].flatten(-2) for name in ("qweight", "qzeros"))
        index = torch.arange(len(codes)) // (len(codes) // len(zeros))
    else:
        codes = nibbles(parts["qweight"].T).T
        zeros = nibbles(parts["qzeros"]) + (config["checkpoint_format"] == "gptq")
        index = parts["g_idx"].long()
    return ((codes - zeros[index]) * parts["scales"].float()[index]).T.contiguous()


def unpacked(folder, target):
    """A whole fp32 copy of an AWQ or GPTQ model with 4 bits."""
    config = json.loads((folder / "config.json").read_text())
    quantization = config.pop("quantization_config")
    tensors = {name: value for file in folder.glob("*.safetensors") for name, value in load_file(file).items()}
    packed = {name.removesuffix(".qweight") for name in tensors if name.endswith(".qweight")}
    whole = {name: value.float() for name, value in tensors.items() if name.rpartition(".")[0] not in packed}
    for module in packed:
        parts = {name.rpartition(".")[2]: value for name, value in tensors.items() if name.rpartition(".")[0] == module}
        whole[module + ".weight"] = whole_weight(parts, quantization)
        if "bias" in parts:
            whole[module + ".bias"] = parts["bias"].float()
    save_file(whole, target / "model.safetensors", metadata={"format": "pt"})
    (target / "config.json").write_text(json.dumps(config))


def loaded(folder, **settings):
    """The model in fp32 and what did not fit."""
    model, loading = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True, **settings)
    return model.eval(), [str(name) for kind in ("missing_keys", "unexpected_keys", "mismatched_keys") for name in loading[kind]]


def models(folder):
    """(who unpacked it, fp16 products, the model, what did not fit) of each way to read the directory."""
    config = transformers.AutoConfig.from_pretrained(folder).quantization_config
    method = config["quant_method"]
    there = importlib.util.find_spec(NEEDS[method]) is not None
    if method in ("awq", "gptq"):
        parsed = transformers.quantizers.AutoQuantizationConfig.from_dict(config)
        with tempfile.TemporaryDirectory() as target:
            unpacked(pathlib.Path(folder), pathlib.Path(target))
            yield "check_quantized.py", False, *loaded(target)
        if there:
            parsed.backend = "torch_awq" if method == "awq" else "torch"
            yield NEEDS[method], True, *loaded(folder, quantization_config=parsed, device_map="cpu")
    elif not there:
        print(f"skipped: {method} needs the package {NEEDS[method]}")
        sys.exit(77)
    elif method == "compressed-tensors":
        yield NEEDS[method], False, *loaded(folder, quantization_config=transformers.CompressedTensorsConfig(run_compressed=False))
    else:
        whole = transformers.FineGrainedFP8Config(dequantize=True)
        yield "transformers", False, *loaded(folder, quantization_config=whole, device_map="cpu")


if __name__ == "__main__":
    parser = check_adapter.arguments("Compare swift's logits with transformers' for one quantized directory")
    parser.set_defaults(tolerance=1e-3)
    given, code = parser.parse_args(), 0
    exact = given.tolerance
    for by, narrow, model, misfits in models(given.model):
        print(json.dumps(dict(unpacked_by=by)))
        given.tolerance = KERNEL_TOLERANCE if narrow else exact
        code = max(code, check_adapter.report(model, given, misfits))
    sys.exit(code)
