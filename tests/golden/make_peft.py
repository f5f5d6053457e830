"""Writes tests/golden/peft: LoRA adapters saved by PEFT over the models of make_models.py, with their logits.

    python tests/golden/make_peft.py          (needs torch, transformers and peft; some seconds)

Each folder holds adapter_config.json, adapter_model.safetensors and golden.safetensors:
    ids              (21) int64
    logits_base      (21, vocabulary) f32   without the adapter
    logits_adapter   the same with it
    logits_merged    the same after merge_and_unload. With a tied end as target PEFT 0.20 merges into the one tensor
                     behind both ends, which changes the model: there logits_merged are those before merging.
lora_A and lora_B are both random, so a wrong scale, order or target shows. PiSSA's logits_base are those of its
residual weights; a name with "converted" is saved by PEFT as a plain LoRA of twice the rank. base_model_name_or_path names the
model's folder relative to the adapter's.
"""
import json
import shutil
import tempfile

import torch
from peft import LoraConfig, get_peft_model

import oracle

SEED = 20240608
OUT = oracle.HERE / "peft"
ALL = dict(r=8, lora_alpha=32, target_modules="all-linear", lora_dropout=0.05, task_type="CAUSAL_LM")
REGEX = r"model\.layers\.\d+\.(self_attn\.(q|v)_proj|mlp\.down_proj)"
SUFFIXES = ["q_proj", "k_proj", "v_proj", "o_proj", "down_proj"]
ADAPTERS = {
    "qwen3_all_linear": ("qwen3", ALL),
    "llama_all_linear": ("llama", ALL),
    "qwen2_all_linear": ("qwen2", ALL),
    "qwen3_rslora": ("qwen3", dict(ALL, use_rslora=True)),
    "llama_patterns": ("llama", dict(ALL, target_modules=SUFFIXES,
                                     rank_pattern={"q_proj": 4, "layers.1.mlp.down_proj": 12},
                                     alpha_pattern={"q_proj": 24, "layers.0.self_attn.o_proj": 8})),
    "qwen3_regex": ("qwen3", dict(ALL, target_modules=REGEX)),
    "llama_rslora_regex": ("llama", dict(ALL, use_rslora=True, target_modules=REGEX)),
    "llama_lm_head_saved": ("llama", dict(ALL, modules_to_save=["lm_head"])),
    "qwen3_lm_head_saved": ("qwen3", dict(ALL, modules_to_save=["lm_head"])),
    "qwen3_dora": ("qwen3", dict(ALL, use_dora=True)),
    "qwen2_dora_patterns": ("qwen2", dict(ALL, use_dora=True, use_rslora=True, target_modules=SUFFIXES,
                                          rank_pattern={"v_proj": 4}, alpha_pattern={"layers.0.*": 12})),
    "llama_pissa": ("llama", dict(ALL, init_lora_weights="pissa")),
    "llama_pissa_converted": ("llama", dict(ALL, init_lora_weights="pissa")),
    "qwen3_pissa_rslora_converted": ("qwen3", dict(ALL, init_lora_weights="pissa", use_rslora=True)),
    "qwen2_bias_all": ("qwen2", dict(ALL, bias="all", target_modules=["q_proj", "down_proj"])),
    "qwen2_bias_lora_only": ("qwen2", dict(ALL, bias="lora_only", target_modules=["q_proj", "v_proj"])),
    "qwen3_embed_saved": ("qwen3", dict(ALL, modules_to_save=["embed_tokens"])),
    "qwen3_embed_head_saved": ("qwen3", dict(ALL, modules_to_save=["embed_tokens", "lm_head"])),
    "qwen3_tied_embed_saved": ("qwen3", dict(ALL, modules_to_save=["embed_tokens"], ensure_weight_tying=True)),
    # The two ends as targets; PEFT saves their base weights too.
    "llama_embed_target": ("llama", dict(ALL, target_modules=["q_proj", "embed_tokens"])),
    "llama_head_target": ("llama", dict(ALL, target_modules=["v_proj", "lm_head"], use_rslora=True)),
    "llama_ends_regex": ("llama", dict(ALL, target_modules=r".*(embed_tokens|lm_head|down_proj)",
                                       rank_pattern={"lm_head": 4}, alpha_pattern={"embed_tokens": 6})),
    "qwen3_embed_target": ("qwen3", dict(ALL, target_modules=["q_proj", "embed_tokens"])),
    "qwen3_head_target": ("qwen3", dict(ALL, target_modules=["q_proj", "lm_head"])),
    "qwen3_tied_embed_target": ("qwen3", dict(ALL, target_modules=["q_proj", "embed_tokens"],
                                              ensure_weight_tying=True)),
    # A vocabulary with new tokens: the model of the folder has 128 rows, the adapter 131 or 256.
    "llama_resized": ("llama", dict(ALL, target_modules=["q_proj"], modules_to_save=["embed_tokens", "lm_head"])),
    "llama_resized_plain": ("llama", dict(ALL, target_modules=["q_proj"])),
    "llama_resized_target": ("llama", dict(ALL, target_modules=["embed_tokens", "lm_head"])),
    "qwen3_resized_tied": ("qwen3", dict(ALL, target_modules=["q_proj"], modules_to_save=["embed_tokens"],
                                         ensure_weight_tying=True)),
    "qwen3_resized_target": ("qwen3", dict(ALL, target_modules=["q_proj", "embed_tokens"])),
}
ROWS = {"llama_resized": 131, "llama_resized_plain": 131, "llama_resized_target": 256, "qwen3_resized_tied": 256,
        "qwen3_resized_target": 131}


def attach(base, settings, seed, start=None, rows=None):
    """A PEFT model whose trainable tensors are all random; the adapter before that is saved in `start`.
    rows: of the vocabulary, when it is to be resized."""
    torch.manual_seed(seed)
    model = oracle.load(oracle.MODELS / base)
    if rows is not None:
        model.resize_token_embeddings(rows)
    model = get_peft_model(model, LoraConfig(**settings)).eval()
    if start is not None:
        model.save_pretrained(start)
    with torch.no_grad():
        for name, value in model.named_parameters():
            if "magnitude" in name:
                value.mul_(1.0 + 0.3 * torch.randn_like(value))
            elif value.requires_grad and (settings.get("bias") != "lora_only" or "lora_" in name):
                # PEFT does not save the biases of lora_only, so they stay those of the base.
                value.normal_(0.0, 0.08 if "lora_" in name else 0.2)
    return model


def write_adapter(model, folder, base, start=None):
    """Saves with PEFT; then sorts what PEFT writes in the order of a set, and keeps paths of this machine out."""
    model.save_pretrained(folder, path_initial_model_for_weight_conversion=start)
    (folder / "README.md").unlink(missing_ok=True)
    config = json.loads((folder / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = f"../../models/{base}"
    for key in ("target_modules", "modules_to_save"):
        if isinstance(config[key], list):
            config[key].sort()
    oracle.write_json(folder / "adapter_config.json", config)


def write(index, name, base, settings):
    folder = OUT / name
    shutil.rmtree(folder, ignore_errors=True)
    ids = torch.randint(2, ROWS.get(name, 128), (21,), generator=torch.Generator().manual_seed(SEED + index))
    with tempfile.TemporaryDirectory() as scratch:
        start = f"{scratch}/start" if "converted" in name else None
        model = attach(base, settings, SEED + index, start, ROWS.get(name))
        write_adapter(model, folder, base, start)
    with model.disable_adapter():
        golden = dict(ids=ids, logits_base=oracle.logits(model, ids))
    golden["logits_adapter"] = oracle.logits(model, ids)
    tied_target = model.config.tie_word_embeddings and "_target" in name
    golden["logits_merged"] = golden["logits_adapter"].clone() if tied_target else oracle.logits(
        model.merge_and_unload(), ids)
    oracle.write_tensors(folder / "golden.safetensors", golden, oracle.provenance("make_peft.py", SEED + index))
    difference = lambda a, b: (golden[a] - golden[b]).abs().max().item()
    print(f"{name}: adapter moves logits by {difference('logits_base', 'logits_adapter'):.3f}, "
          f"merging by {difference('logits_adapter', 'logits_merged'):.1e}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    for number, (each, (model_name, options)) in enumerate(ADAPTERS.items()):
        write(number, each, model_name, options)
