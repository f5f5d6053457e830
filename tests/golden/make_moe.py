"""Writes tests/golden/models/qwen3_moe: a tiny mixture of experts with transformers' logits, loss and gradients.

    python tests/golden/make_moe.py        (needs torch and transformers; seconds)

As make_models.py, and golden.safetensors holds besides
    loss, aux_loss       () f32         mean cross entropy of ids_b, and load_balancing_loss_func over all layers
    grad.<weight>        its shape f32  gradient of loss + 0.5 * aux_loss; experts under their names on disk
fused.safetensors holds the experts of layer 0 as one tensor, as transformers 5 has them in memory.
"""
import json
import shutil

import torch
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForCausalLM

import make_models
import oracle

SEED = 20241124
COEFFICIENT = 0.5
SETTINGS = dict(make_models.BASE, hidden_size=32, intermediate_size=48, moe_intermediate_size=16, num_experts=5,
                num_experts_per_tok=2, norm_topk_prob=True, num_hidden_layers=3, mlp_only_layers=[1], head_dim=8,
                tie_word_embeddings=False, rope_parameters=make_models.MILLION, router_aux_loss_coef=COEFFICIENT)


def build():
    config = AutoConfig.for_model("qwen3_moe", **SETTINGS)
    torch.manual_seed(SEED)
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager", experts_implementation="eager")
    with torch.no_grad():
        for key, value in model.named_parameters():
            if key.endswith("norm.weight"):
                value.normal_(1.0, 0.2)
            elif key.endswith("mlp.gate.weight") or "experts" in key:
                value.normal_(0.0, 0.3)
    return model


def on_disk(name, tensor):
    """A tensor of the model in memory under its names on disk."""
    prefix, _, last = name.rpartition(".")
    if last == "gate_up_proj":
        for index, both in enumerate(tensor):
            for part, value in zip(("gate_proj", "up_proj"), both.chunk(2)):
                yield f"{prefix}.{index}.{part}.weight", value.clone()
    elif last == "down_proj":
        for index, value in enumerate(tensor):
            yield f"{prefix}.{index}.down_proj.weight", value.clone()
    else:
        yield name, tensor.clone()


def loss_and_gradients(model, ids, golden):
    out = model(ids[None], labels=ids[None], output_router_logits=True, use_cache=False)
    out.loss.backward()
    golden["aux_loss"] = out.aux_loss.detach()
    golden["loss"] = out.loss.detach() - COEFFICIENT * out.aux_loss.detach()
    for name, value in model.named_parameters():
        for key, gradient in on_disk(name, value.grad):
            golden["grad." + key] = gradient


def write_v4_config(folder):
    make_models.write_v4_config(folder)
    config = json.loads((folder / "config.v4.json").read_text())
    config["num_experts"] = config.pop("num_local_experts", config.get("num_experts"))
    oracle.write_json(folder / "config.v4.json", config)


def main():
    torch.set_num_threads(1)
    folder = oracle.MODELS / "qwen3_moe"
    shutil.rmtree(folder, ignore_errors=True)
    build().save_pretrained(folder)
    (folder / "generation_config.json").unlink()
    write_v4_config(folder)
    names = load_file(folder / "model.safetensors").keys()
    assert "model.layers.0.mlp.experts.4.down_proj.weight" in names, sorted(names)
    model = oracle.load(folder)
    golden, extra = {}, {}
    for label, length in (("a", 7), ("b", 33)):
        ids, path, margin = make_models.clear_path(model, SEED + length, 64, length, 16)
        golden.update({f"ids_{label}": ids, f"logits_{label}": oracle.logits(model, ids), f"greedy_{label}": path})
        extra[f"margin_{label}"] = margin
    loss_and_gradients(model, golden["ids_b"], golden)
    about = oracle.provenance("make_moe.py", SEED, **extra)
    oracle.write_tensors(folder / "golden.safetensors", golden, about)
    fused = {name: value.detach().clone() for name, value in model.named_parameters() if "layers.0.mlp.experts" in name}
    oracle.write_tensors(folder / "fused.safetensors", fused, about)
    print({name: (value.shape if value.dim() else value.item()) for name, value in golden.items() if "grad" not in name})


if __name__ == "__main__":
    main()
