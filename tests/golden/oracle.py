"""Shared by the golden scripts: the versions they record, and forward passes as the tests compare them."""
import json
import pathlib
import platform

import peft
import safetensors
import torch
import transformers
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).resolve().parent
MODELS = HERE / "models"


def provenance(script, seed=None, **more):
    """What every golden file says about itself."""
    seeded = {} if seed is None else {"seed": seed}
    return {"made_by": f"tests/golden/{script}", **seeded, "torch": torch.__version__.split("+")[0],
            "transformers": transformers.__version__, "peft": peft.__version__,
            "safetensors": safetensors.__version__, "python": platform.python_version(), **more}


def write_json(path, value):
    path.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n")


def write_tensors(path, tensors, about):
    """One metadata key, because safetensors writes several in no fixed order."""
    save_file(tensors, path, metadata={"about": json.dumps(about, sort_keys=True)})


def load(directory, dtype=torch.float32):
    return transformers.AutoModelForCausalLM.from_pretrained(
        directory, dtype=dtype, attn_implementation="eager").eval()


@torch.no_grad()
def logits(model, ids):
    """(tokens, vocabulary) in fp32, whatever the model's precision."""
    return model(ids[None], use_cache=False).logits[0].float()


@torch.no_grad()
def greedy(model, prompts, new):
    """Greedy continuations (prompts, new) of prompts of one length, without a cache; and for each the
    smallest lead of a chosen token over the next best."""
    out, margins = prompts, torch.full((len(prompts),), float("inf"))
    for _ in range(new):
        best = model(out, use_cache=False, logits_to_keep=1).logits[:, -1].float().topk(2)
        margins = torch.minimum(margins, best.values[:, 0] - best.values[:, 1])
        out = torch.cat([out, best.indices[:, :1]], dim=1)
    return out[:, prompts.shape[1]:].contiguous(), margins
