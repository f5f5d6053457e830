"""Writes a Qwen3 checkpoint of a real shape with random bf16 weights, for timing only.

    make_model.py OUT --tokenizer DIR [--template FILE] [--shape 0.6b|60m] [--seed N]

0.6b is Qwen3-0.6B; 60m has the size of GaLore's smallest LLaMA (arXiv 2403.03507: hidden 512, 8 layers,
vocabulary 32000, untied), whose tokenizer may have fewer tokens (`swift tokenize --train` makes one).

The weights are normal with the deviation Qwen3 starts from (0.02), norms are one, so every kernel does
the work it would do on the released model. Needs torch and safetensors; transformers is not imported.
"""
import argparse
import json
import pathlib
import shutil

import torch
from safetensors.torch import save_file

SHAPES = {
    "0.6b": dict(hidden_size=1024, intermediate_size=3072, num_hidden_layers=28,
                 num_attention_heads=16, num_key_value_heads=8, head_dim=128, vocab_size=151936,
                 tie_word_embeddings=True),
    "60m": dict(hidden_size=512, intermediate_size=1536, num_hidden_layers=8, num_attention_heads=8,
                num_key_value_heads=4, head_dim=64, vocab_size=32000, tie_word_embeddings=False),
}


def config(shape, end_of_text, end_of_turn):
    return dict(architectures=["Qwen3ForCausalLM"], model_type="qwen3", **SHAPES[shape],
                hidden_act="silu", rms_norm_eps=1e-6, attention_bias=False, attention_dropout=0.0,
                max_position_embeddings=40960, initializer_range=0.02,
                rope_parameters=dict(rope_type="default", rope_theta=1e6), use_sliding_window=False,
                use_cache=True, bos_token_id=end_of_text, eos_token_id=end_of_turn, pad_token_id=end_of_text,
                dtype="bfloat16", transformers_version="5.19.0")


def weights(c, seed):
    """Tensors by their Hugging Face names; matrices are (out, in)."""
    source = torch.Generator().manual_seed(seed)

    def matrix(rows, columns):
        return torch.empty(rows, columns).normal_(0, c["initializer_range"], generator=source).bfloat16()

    hidden, inner, head = c["hidden_size"], c["intermediate_size"], c["head_dim"]
    queries, keys = c["num_attention_heads"] * head, c["num_key_value_heads"] * head
    ones = lambda size: torch.ones(size, dtype=torch.bfloat16)
    out = {"model.embed_tokens.weight": matrix(c["vocab_size"], hidden), "model.norm.weight": ones(hidden)}
    for index in range(c["num_hidden_layers"]):
        layer = f"model.layers.{index}."
        out[layer + "input_layernorm.weight"] = ones(hidden)
        out[layer + "post_attention_layernorm.weight"] = ones(hidden)
        out[layer + "self_attn.q_norm.weight"] = ones(head)
        out[layer + "self_attn.k_norm.weight"] = ones(head)
        out[layer + "self_attn.q_proj.weight"] = matrix(queries, hidden)
        out[layer + "self_attn.k_proj.weight"] = matrix(keys, hidden)
        out[layer + "self_attn.v_proj.weight"] = matrix(keys, hidden)
        out[layer + "self_attn.o_proj.weight"] = matrix(hidden, queries)
        out[layer + "mlp.gate_proj.weight"] = matrix(inner, hidden)
        out[layer + "mlp.up_proj.weight"] = matrix(inner, hidden)
        out[layer + "mlp.down_proj.weight"] = matrix(hidden, inner)
    if not c["tie_word_embeddings"]:
        out["lm_head.weight"] = matrix(c["vocab_size"], hidden)
    return out


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("out", type=pathlib.Path)
    options.add_argument("--tokenizer", type=pathlib.Path, required=True, help="folder with tokenizer.json")
    options.add_argument("--template", type=pathlib.Path, help="chat template (Jinja); left out: that of the tokenizer's folder")
    options.add_argument("--shape", choices=SHAPES, default="0.6b")
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()

    given.out.mkdir(parents=True, exist_ok=True)
    ids = {t["content"]: t["id"] for t in json.loads((given.tokenizer / "tokenizer.json").read_text())["added_tokens"]}
    end_of_text, end_of_turn = ids["<|endoftext|>"], ids["<|im_end|>"]
    settings = config(given.shape, end_of_text, end_of_turn)
    tensors = weights(settings, given.seed)
    save_file(tensors, given.out / "model.safetensors", metadata={"format": "pt"})
    write = lambda name, value: (given.out / name).write_text(json.dumps(value, indent=2) + "\n")
    write("config.json", settings)
    write("generation_config.json", dict(bos_token_id=end_of_text, eos_token_id=[end_of_turn, end_of_text],
                                         pad_token_id=end_of_text, do_sample=False))
    write("tokenizer_config.json", dict(tokenizer_class="PreTrainedTokenizerFast", eos_token="<|im_end|>",
                                        pad_token="<|endoftext|>", add_bos_token=False,
                                        clean_up_tokenization_spaces=False, model_max_length=40960))
    shutil.copyfile(given.tokenizer / "tokenizer.json", given.out / "tokenizer.json")
    beside = given.tokenizer / "chat_template.jinja"
    if given.template or beside.is_file():
        shutil.copyfile(given.template or beside, given.out / "chat_template.jinja")
    else:
        own = json.loads((given.tokenizer / "tokenizer_config.json").read_text())
        (given.out / "chat_template.jinja").write_text(own["chat_template"])
    print(f"{sum(t.numel() for t in tensors.values()) / 1e6:.1f} M parameters in {given.out}")


if __name__ == "__main__":
    main()
