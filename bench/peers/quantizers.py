"""AutoAWQ and GPTQModel on a CPU, on given token sequences; and the perplexity of what they leave.

    quantizers.py autoawq|gptqmodel --model DIR --calibration FILE --group 128 [--bits 4] [--dtype float32|bfloat16]
                  [--held-out FILE] [--threads N]

FILE holds a JSON list of token sequences of one length. Prints one JSON line: seconds and CPU seconds of the quantization alone, the
perplexity of the held-out sequences before and after, versions. AutoAWQ 0.2.9 is on PYTHONPATH (its sdist, unpacked);
GPTQModel is installed. Neither is told anything about our method: settings are their defaults but for bits and groups.
"""
import argparse
import json
import os
import time
import types

import torch
import transformers


def perplexity(model, sequences):
    loss = tokens = 0
    with torch.no_grad():
        for sequence in sequences:
            ids = torch.tensor([sequence])
            logits = model(ids, use_cache=False).logits[0, :-1].float()
            loss += torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="sum").item()
            tokens += len(sequence) - 1
    return float(torch.exp(torch.tensor(loss / tokens, dtype=torch.float64)))


def load(given):
    return transformers.AutoModelForCausalLM.from_pretrained(given.model, dtype=getattr(torch, given.dtype)).eval()


def autoawq(given, sequences):
    """AwqQuantizer.quantize over inputs that are made here: its own loading needs an older transformers."""
    from awq.models.qwen3 import Qwen3AWQForCausalLM
    from awq.quantize.quantizer import AwqQuantizer
    model = load(given)
    # After each candidate it puts weights back from state_dict().cpu(): a copy on a GPU, the weights themselves here.
    own = torch.nn.Module.state_dict
    torch.nn.Module.state_dict = lambda self, *args, **kwargs: {k: v.clone() for k, v in own(self, *args, **kwargs).items()}
    Qwen3AWQForCausalLM.model_type = "qwen3"
    quantizer = AwqQuantizer.__new__(AwqQuantizer)
    quantizer.__dict__.update(
        awq_model=Qwen3AWQForCausalLM, model=model, group_size=given.group, zero_point=True, w_bit=given.bits,
        version="GEMM", duo_scaling=True, apply_clip=True, export_compatible=True, modules_to_not_convert=[],
        max_chunk_memory=2 ** 30, n_parallel_calib_samples=given.parallel, modules=model.model.layers)
    start = time.perf_counter()
    with torch.no_grad():
        ids = torch.tensor(sequences)
        quantizer.inps = model.model.embed_tokens(ids)
        places = torch.arange(ids.shape[1])[None]
        quantizer.module_kwargs = dict(position_ids=places, attention_mask=None,
                                       position_embeddings=model.model.rotary_emb(quantizer.inps, places))
        quantizer.quantize()
        for layer in model.model.layers:
            for module in layer.modules():
                if isinstance(module, torch.nn.Linear):
                    module.weight.data = quantizer.pseudo_quantize_tensor(module.weight.data)[0]
    return model, time.perf_counter() - start


def gptqmodel(given, sequences):
    os.environ.setdefault("GPTQMODEL_CPU_WORKERS", "2")  # one, its choice on two cores, is too few for its own pool
    from gptqmodel import GPTQModel, QuantizeConfig
    model = GPTQModel.load(given.model, QuantizeConfig(bits=given.bits, group_size=given.group), device="cpu",
                           dtype=getattr(torch, given.dtype))
    rows = [dict(input_ids=torch.tensor([s]), attention_mask=torch.ones(1, len(s), dtype=torch.long)) for s in sequences]
    start = time.perf_counter()
    model.quantize(rows, batch_size=1)
    return None, time.perf_counter() - start


def main():
    options = argparse.ArgumentParser()
    options.add_argument("peer", choices=("autoawq", "gptqmodel"))
    for name in ("--model", "--calibration", "--held-out"):
        options.add_argument(name, required=name != "--held-out")
    options.add_argument("--group", type=int, default=128)
    options.add_argument("--bits", type=int, default=4)
    options.add_argument("--parallel", type=int, help="AutoAWQ's n_parallel_calib_samples")
    options.add_argument("--dtype", default="bfloat16")
    options.add_argument("--threads", type=int, default=2)
    given = options.parse_args()
    torch.set_num_threads(given.threads)
    read = lambda path: json.load(open(path))
    held_out = read(given.held_out) if given.held_out else []
    result = dict(peer=given.peer, bits=given.bits, group_size=given.group, dtype=given.dtype,
                  transformers=transformers.__version__, torch=torch.__version__)
    if held_out:
        result["perplexity_before"] = perplexity(load(given), held_out)
    begun = time.process_time()
    model, result["seconds"] = {"autoawq": autoawq, "gptqmodel": gptqmodel}[given.peer](given, read(given.calibration))
    result["cpu_seconds"] = time.process_time() - begun
    if held_out and model is not None:
        result["perplexity_after"] = perplexity(model, held_out)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
