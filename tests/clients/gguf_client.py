"""GGUF files of swift export in llama.cpp, through llama_cpp: they load, cut texts alike, and answer alike.

usage: gguf_client.py SWIFT MODEL…
Skips as llama.py says. For each model and type: texts to ids as `swift tokenize` gives them, and a greedy
continuation against `swift infer` in fp32 of what the file holds, decoded by gguf and written as safetensors.
The f32 file must give the same 24 tokens. With the others llama.cpp rounds the inputs of matrices, of quantized ones to
8 bits: along our continuation it must choose our token wherever ours leads by MARGIN.
"""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import llama

llama.enter(["llama_cpp", "gguf", "numpy", "safetensors"])

import gguf
import llama_cpp
import numpy as np
from safetensors.numpy import save_file

swift, models = sys.argv[1], [pathlib.Path(model).resolve() for model in sys.argv[2:]]
TYPES = ["f32", "f16", "bf16", "q8_0", "q4_0", "q4_k"]
MARGIN = 0.5  # nats, of the first token's log-probability over the second's
NEW = 24
PROMPTS = ["12 minus 4 is", "Here is Jack. Jack likes to eat", "the thing in\nthere", "Sam had 18 bananas"]
TEXTS = PROMPTS + ["  two  spaces\t\ttab\n\n\nlines ", "I'LL be there, it's 12345 o'clock!!",
                   "h\u00e9llo w\u00f6rld \u4f60\u597d \U0001f999 \u2026", "<|im_start|>user\nhi<|im_end|>\n",
                   "x=[1,2];\r\ny = {'a': \"b\"}", ""]


def run(*words, stdin=None):
    done = subprocess.run([swift, *map(str, words)], input=stdin, capture_output=True, text=True)
    assert done.returncode == 0, (words, done.stderr)
    return done.stdout


def lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def unpermuted(rows, head_dim):
    """llama.cpp's order of a head's rows back to transformers'."""
    shaped = rows.reshape(-1, head_dim // 2, 2, *rows.shape[1:])
    return np.ascontiguousarray(shaped.swapaxes(1, 2).reshape(rows.shape))


NAMES = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
PARTS = {"attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm", "attn_q": "self_attn.q_proj",
         "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
         "attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm", "ffn_gate": "mlp.gate_proj",
         "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj", "ffn_gate_inp": "mlp.gate"}


def twin(file, model, folder):
    """A model directory with the values that the file holds, in fp32."""
    shutil.copytree(model, folder, ignore=shutil.ignore_patterns("*.safetensors*"))
    config = json.loads((folder / "config.json").read_text())
    config["dtype"] = "float32"
    config.pop("torch_dtype", None)
    (folder / "config.json").write_text(json.dumps(config))
    reader, tensors = gguf.GGUFReader(file), {}
    permuted = reader.fields["general.architecture"].contents() == "llama"
    head_dim = reader.fields[reader.fields["general.architecture"].contents() + ".attention.key_length"].contents()
    for tensor in reader.tensors:
        shape = [int(n) for n in reversed(tensor.shape)]
        values = gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32).reshape(shape)
        name, kind = tensor.name.rsplit(".", 1)
        if name in NAMES:
            tensors[f"{NAMES[name]}.{kind}"] = values
        elif name.startswith("blk."):
            _, layer, part = name.split(".")
            prefix = f"model.layers.{layer}."
            if part.endswith("_exps"):
                for index, expert in enumerate(values):
                    tensors[f"{prefix}mlp.experts.{index}.{part[4:-5]}_proj.{kind}"] = np.ascontiguousarray(expert)
                continue
            if permuted and part in ("attn_q", "attn_k"):
                values = unpermuted(values, head_dim)
            tensors[f"{prefix}{PARTS[part]}.{kind}"] = values
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    return folder


def ours(model, scratch):
    """Greedy ids and leads of every prompt."""
    rows, answers = scratch / "prompts.jsonl", scratch / "answers.jsonl"
    rows.write_text(lines({"messages": [{"role": "user", "content": text}]} for text in PROMPTS))
    run("infer", "--model", model, "--infer_input", rows, "--result_path", answers, "--temperature", 0,
        "--max_new_tokens", NEW, "--ignore_eos", "true", "--use_chat_template", "false", "--logprobs", "true",
        "--top_logprobs", 2, "--torch_dtype", "float32")
    for line in answers.read_text().splitlines():
        tokens = json.loads(line)["logprobs"]
        yield ([token["token_id"] for token in tokens],
               [token["top"][0]["logprob"] - token["top"][1]["logprob"] for token in tokens])


def tokenized(model, texts):
    return [json.loads(run("tokenize", "--model", model, "--whole", stdin=text)) if text else [] for text in texts]


def check_texts(loaded, model, prefix_space):
    for text, expected in zip(TEXTS, tokenized(model, TEXTS)):
        found = loaded.tokenize(text.encode(), add_bos=False, special=True)
        if text and not (prefix_space and "<|im" in text):
            assert found == expected, (model.name, text, found, expected)


def chosen(loaded, ids, path=None):
    """The tokens with the largest logits: along a path, or along themselves."""
    loaded.reset()
    loaded.eval(ids)
    found = []
    for step in range(NEW):
        found.append(int(np.ctypeslib.as_array(loaded._ctx.get_logits(), shape=(loaded.n_vocab(),)).argmax()))
        loaded.eval([path[step] if path else found[-1]])
    return found


def check(model, kind, scratch):
    out = scratch / f"{model.name}-{kind}"
    run("export", "--model", model, "--export_format", "gguf", "--gguf_type", kind, "--output_dir", out)
    file, = out.glob("*.gguf")
    loaded = llama_cpp.Llama(str(file), n_ctx=128, n_threads=1, verbose=False)
    check_texts(loaded, model, b"add_space_prefix" in file.read_bytes()[:1 << 20])
    same = sure = whole = 0
    twins = ours(twin(file, model, scratch / f"{out.name}-twin"), scratch)
    for ids, (expected, leads) in zip(tokenized(model, PROMPTS), twins):
        found = chosen(loaded, ids, None if kind == "f32" else expected)
        must = [i for i in range(NEW) if kind == "f32" or leads[i] >= MARGIN]
        assert all(found[i] == expected[i] for i in must), (model.name, kind, found, expected, leads)
        same += sum(a == b for a, b in zip(found, expected))
        sure, whole = sure + len(must), whole + NEW
    print(f"{model.name} {kind}: {same} of {whole} tokens the same, {sure} had to be")


def main():
    with tempfile.TemporaryDirectory() as scratch:
        for model in models:
            for kind in TYPES:
                check(model, kind, pathlib.Path(scratch))


main()
