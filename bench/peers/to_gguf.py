"""Converts a Qwen3 checkpoint (Hugging Face form) to one GGUF file in its own precision, for llama.cpp.

    to_gguf.py MODEL OUT.gguf

Matrices keep their bf16 bits; norms become fp32, as llama.cpp's kernels expect. Tensor names are those of
the `gguf` package for arch "qwen3"; rotary pairs are (i, i + head_dim / 2) in both, so q and k stay in order.
"""
import json
import pathlib
import sys

import gguf
import torch
from safetensors import safe_open

WHOLE = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
         "lm_head.weight": "output.weight"}
PER_LAYER = {"input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.q_norm": "attn_q_norm",
             "self_attn.k_proj": "attn_k", "self_attn.k_norm": "attn_k_norm", "self_attn.v_proj": "attn_v",
             "self_attn.o_proj": "attn_output", "post_attention_layernorm": "ffn_norm",
             "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}


def gguf_name(name):
    if name in WHOLE:
        return WHOLE[name]
    _, _, layer, part = name.split(".", 3)
    return f"blk.{layer}.{PER_LAYER[part.removesuffix('.weight')]}.weight"


def write_header(writer, config):
    head = config.get("head_dim", config["hidden_size"] // config["num_attention_heads"])
    rope = config.get("rope_parameters") or config
    writer.add_name("benchmark")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_BF16)
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(head)
    writer.add_value_length(head)
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(rope["rope_theta"])


def write_tokenizer(writer, tokenizer, config):
    """A byte-level BPE vocabulary of exactly vocab_size entries; ids without text become unused ones."""
    size = config["vocab_size"]
    tokens = [f"[UNUSED{index}]" for index in range(size)]
    kinds = [gguf.TokenType.UNUSED] * size
    for text, index in tokenizer["model"]["vocab"].items():
        tokens[index], kinds[index] = text, gguf.TokenType.NORMAL
    for added in tokenizer["added_tokens"]:
        kind = gguf.TokenType.CONTROL if added["special"] else gguf.TokenType.USER_DEFINED
        tokens[added["id"]], kinds[added["id"]] = added["content"], kind
    pairs = tokenizer["model"]["merges"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges([pair if isinstance(pair, str) else " ".join(pair) for pair in pairs])
    writer.add_eos_token_id(config["eos_token_id"])
    writer.add_pad_token_id(config["pad_token_id"])
    writer.add_add_bos_token(False)


def write_tensors(writer, model):
    for file in sorted(model.glob("*.safetensors")):
        with safe_open(file, "pt") as weights:
            for name in weights.keys():
                tensor = weights.get_tensor(name)
                if tensor.dim() == 1:
                    writer.add_tensor(gguf_name(name), tensor.float().numpy())
                elif tensor.dtype == torch.bfloat16:
                    # numpy has no bf16: the rows travel as bytes, two a value.
                    writer.add_tensor(gguf_name(name), tensor.view(torch.uint8).numpy(),
                                      raw_dtype=gguf.GGMLQuantizationType.BF16)
                else:
                    writer.add_tensor(gguf_name(name), tensor.numpy())


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    model, out = pathlib.Path(sys.argv[1]), sys.argv[2]
    config = json.loads((model / "config.json").read_text())
    if config["model_type"] != "qwen3":
        sys.exit(f"{model}: only qwen3 is converted here, not {config['model_type']}")
    writer = gguf.GGUFWriter(out, "qwen3")
    write_header(writer, config)
    write_tokenizer(writer, json.loads((model / "tokenizer.json").read_text()), config)
    write_tensors(writer, model)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()
