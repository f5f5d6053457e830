"""Writes tests/golden/models: tiny random models of each family with transformers' logits and greedy ids.

    python tests/golden/make_models.py        (needs torch and transformers; about a minute)

Each folder holds config.json (v5 spelling), config.v4.json (the same model in the v4 spelling, as released
checkpoints have it), the weights, and golden.safetensors:
    ids_a, ids_b          (7), (33) int64           two prompts, not padded
    logits_a, logits_b    (tokens, vocabulary) f32  eager attention in fp32
    greedy_a, greedy_b    (16) int64                greedy continuation in fp32
and for the bf16 model also
    logits_a_bf16, ...    f32 copies of what bf16 arithmetic gave
    greedy_bf16_prompt    (9) int64, greedy_bf16 (32) int64: continuation in bf16. The prompt is searched for,
                          so that every choice leads by more than twice any bf16 rounding seen.
Weights are wide (initializer_range 0.2) and norms and biases random, so that nothing is hidden by a flat
output, a norm of ones or a bias of zeros.
"""
import json
import shutil

import torch
from transformers import AutoConfig, AutoModelForCausalLM

import oracle

SEED = 20240607
BASE = dict(vocab_size=128, hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, max_position_embeddings=256, initializer_range=0.2, bos_token_id=0,
            eos_token_id=1, pad_token_id=1)
MILLION = dict(rope_type="default", rope_theta=1e6)
TEN_THOUSAND = dict(rope_type="default", rope_theta=1e4)
LLAMA3 = dict(rope_type="llama3", rope_theta=1e4, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
              original_max_position_embeddings=64)
QWEN2 = dict(arch="qwen2", rope_parameters=MILLION, rms_norm_eps=1e-6)
LLAMA = dict(arch="llama", rope_parameters=TEN_THOUSAND, rms_norm_eps=1e-5, tie_word_embeddings=False)
MODELS = {
    "qwen3": dict(arch="qwen3", head_dim=32, tie_word_embeddings=True, rope_parameters=MILLION),
    "qwen3_untied": dict(arch="qwen3", head_dim=24, tie_word_embeddings=False, rope_parameters=MILLION),
    "qwen3_bf16": dict(arch="qwen3", head_dim=32, tie_word_embeddings=True, rope_parameters=MILLION,
                       initializer_range=0.3),
    "qwen2": dict(QWEN2, tie_word_embeddings=True),
    "qwen2_untied_sharded": dict(QWEN2, tie_word_embeddings=False),
    "llama": LLAMA,
    "llama_llama3_rope": dict(LLAMA, rope_parameters=LLAMA3),
    "llama_bias": dict(LLAMA, attention_bias=True, mlp_bias=True),
}


def build(name, settings):
    settings = dict(BASE, **settings)
    config = AutoConfig.for_model(settings.pop("arch"), **settings)
    torch.manual_seed(SEED + sorted(MODELS).index(name))
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    with torch.no_grad():
        for key, value in model.named_parameters():
            if key.endswith("norm.weight"):
                value.normal_(1.0, 0.2)
            elif key.endswith("bias"):
                value.normal_(0.0, 0.5)
    return model.bfloat16() if name.endswith("bf16") else model


def write_v4_config(folder):
    """The spelling of transformers 4: rope_theta and rope_scaling at the top, torch_dtype, derived keys absent."""
    config = json.loads((folder / "config.json").read_text())
    rope = config.pop("rope_parameters")
    config["rope_theta"] = rope.pop("rope_theta")
    config["rope_scaling"] = None if rope["rope_type"] == "default" else rope
    config["torch_dtype"] = config.pop("dtype")
    config["transformers_version"] = "4.51.0"
    config.pop("layer_types", None)
    if config.get("head_dim") == config["hidden_size"] // config["num_attention_heads"]:
        del config["head_dim"]
    oracle.write_json(folder / "config.v4.json", config)


def check_v4_config(folder, golden):
    copy = folder / "v4"
    copy.mkdir()
    for file in folder.glob("model*"):
        shutil.copy(file, copy)
    shutil.copy(folder / "config.v4.json", copy / "config.json")
    torch.testing.assert_close(oracle.logits(oracle.load(copy), golden["ids_b"]), golden["logits_b"])
    shutil.rmtree(copy)


def prompts(seed, count, length):
    source = torch.Generator().manual_seed(seed)
    return torch.randint(2, BASE["vocab_size"], (count, length), generator=source)


def clear_path(model, seed, count, length, new):
    """Of `count` random prompts the one whose greedy path leads by most, among those whose path avoids the
    end token and is at least half made of different tokens. Returns prompt, path and lead."""
    candidates = prompts(seed, count, length)
    paths, margins = oracle.greedy(model, candidates, new)
    for index in margins.argsort(descending=True).tolist():
        if BASE["eos_token_id"] not in paths[index] and len(set(paths[index].tolist())) >= new // 2:
            return candidates[index].clone(), paths[index].clone(), margins[index].item()
    raise SystemExit("no prompt has a clear greedy path")


def bf16_goldens(folder, golden):
    """bf16 greedy ids that lead by more than twice the largest difference between bf16 and fp32 logits."""
    low, full = oracle.load(folder, torch.bfloat16), oracle.load(folder)
    for name in "ab":
        golden[f"logits_{name}_bf16"] = oracle.logits(low, golden[f"ids_{name}"])
    ids, path, _ = clear_path(full, SEED, 8192, 9, 32)
    found, margin = oracle.greedy(low, ids[None], 32)
    whole = torch.cat([ids, path])
    rounding = (oracle.logits(low, whole) - oracle.logits(full, whole))[8:].abs().max().item()
    if margin.item() <= 2 * rounding or not torch.equal(found[0], path):
        raise SystemExit(f"the bf16 path is not clear: lead {margin.item()}, rounding {rounding}")
    golden.update(greedy_bf16_prompt=ids, greedy_bf16=path)
    return dict(bf16_margin=margin.item(), bf16_rounding=rounding)


def write(name, settings):
    folder = oracle.MODELS / name
    shutil.rmtree(folder, ignore_errors=True)
    model = build(name, settings)
    model.save_pretrained(folder, max_shard_size="150KB" if name.endswith("sharded") else "1GB")
    (folder / "generation_config.json").unlink()
    write_v4_config(folder)
    model = oracle.load(folder)
    golden, extra = {}, {}
    for label, length in (("a", 7), ("b", 33)):
        ids, path, margin = clear_path(model, SEED + length, 64, length, 16)
        golden.update({f"ids_{label}": ids, f"logits_{label}": oracle.logits(model, ids), f"greedy_{label}": path})
        extra[f"margin_{label}"] = margin
    check_v4_config(folder, golden)
    if name.endswith("bf16"):
        extra.update(bf16_goldens(folder, golden))
    oracle.write_tensors(folder / "golden.safetensors", golden, oracle.provenance("make_models.py", SEED, **extra))
    deviation = golden["logits_b"].std().item()
    size = sum(file.stat().st_size for file in folder.iterdir()) // 1024
    print(f"{name}: {size} KiB, logits' deviation {deviation:.2f}, {extra}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    for each, options in MODELS.items():
        write(each, options)
