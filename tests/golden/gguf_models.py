"""Writes tests/golden/gguf: tiny models with tokenizers, and what llama.cpp's own tools make of them as GGUF.

    python tests/golden/gguf_models.py LLAMA_CPP     (needs torch, transformers, llama_cpp, sentencepiece; a minute)

LLAMA_CPP is llama.cpp's source tree (vendor/llama.cpp of the llama_cpp_python source package), for its converter.
Folders (bf16):
    llama       LlamaForCausalLM: SentencePiece tokenizer, rope type llama3, untied, biases, bos before a text
    qwen2       Qwen2ForCausalLM: byte-level tokenizer, tied
    qwen3_moe   Qwen3MoeForCausalLM: experts in all layers, a linear rope scale
Each and assets/demo/base gives NAME.json: by type, "metadata" (lists of more than 8 by their length and the FNV-1a of
their lines) and "tensors" (shape, type, FNV-1a of the bytes). F32, F16 and BF16 are the converter's files, the others
llama_model_quantize's from the F32 file. What the converter does with a hash of known tokenizers is replaced by the
name "qwen2", whose cut into words all byte-level tokenizers here have.
"""
import contextlib
import ctypes
import json
import os
import pathlib
import shutil
import sys
import tempfile

LLAMA_CPP = pathlib.Path(sys.argv[1]).resolve()
sys.path[:0] = [str(LLAMA_CPP / "gguf-py"), str(LLAMA_CPP)]
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import gguf
import llama_cpp
import torch
import transformers
from conversion import get_model_class
from conversion.base import ModelBase, TextModel
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

import oracle

SEED = 20250302
OUT = oracle.HERE / "gguf"
DEMO = oracle.HERE.parent.parent / "assets" / "demo"
QWEN2_CUT = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
             r"\s+(?!\S)|\s+")
CHATML = (DEMO / "base" / "chat_template.jinja").read_text()
INST = ("{{ bos_token }}{% for message in messages %}{% if message.role == 'user' %}[INST] {{ message.content }} "
        "[/INST]{% elif message.role == 'system' %}<<SYS>>{{ message.content }}<</SYS>>{% else %} {{ message.content }}"
        "{{ eos_token }}{% endif %}{% endfor %}")
QUANTIZED = {"Q8_0": 7, "Q4_0": 2, "Q4_K_M": 15}
ROWS = 384
SHAPE = dict(vocab_size=ROWS, hidden_size=64, intermediate_size=96, num_hidden_layers=3, num_attention_heads=4,
             num_key_value_heads=2, max_position_embeddings=256, initializer_range=0.2)
LLAMA3 = dict(rope_type="llama3", rope_theta=1e4, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
              original_max_position_embeddings=64)
MODELS = {
    "llama": ("llama", dict(SHAPE, rope_parameters=LLAMA3, attention_bias=True, mlp_bias=True, rms_norm_eps=1e-5,
                            tie_word_embeddings=False, bos_token_id=1, eos_token_id=2)),
    "qwen2": ("qwen2", dict(SHAPE, rope_parameters=dict(rope_type="default", rope_theta=1e6), tie_word_embeddings=True,
                            bos_token_id=None, eos_token_id=301)),
    "qwen3_moe": ("qwen3_moe", dict(SHAPE, head_dim=32, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=32,
                                    norm_topk_prob=True, tie_word_embeddings=False, bos_token_id=None, eos_token_id=301,
                                    rope_parameters=dict(rope_type="linear", rope_theta=1e4, factor=2.0))),
}


def texts():
    for line in (DEMO / "corpus.jsonl").read_text().splitlines()[:2000]:
        yield json.loads(line)["text"] if "text" in json.loads(line) else line


def byte_level():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(QWEN2_CUT), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(texts(), trainers.BpeTrainer(
        vocab_size=300, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    tokenizer.add_special_tokens(["<|im_start|>", "<|im_end|>", "<|endoftext|>"])
    tokenizer.add_tokens([AddedToken("<tool_call>", normalized=False)])
    return tokenizer


def pieces():
    """All pairs that make a token are merges, those of one token together, as SentencePiece models are converted."""
    alphabet = sorted({c for text in texts() for c in text.replace(" ", "\u2581") if c.isascii() or c == "\u2581"})
    common = ["\u2581t", "he", "\u2581the", "in", "er", "\u2581a", "re", "on", "\u2581th", "th", "at", "en", "is",
              "ing"]
    vocabulary = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)] + common + alphabet
    vocabulary = {token: index for index, token in enumerate(dict.fromkeys(vocabulary))}
    assert len(vocabulary) <= ROWS, len(vocabulary)
    merges = [(token[:cut], token[cut:]) for token in common for cut in range(1, len(token))
              if token[:cut] in vocabulary and token[cut:] in vocabulary]
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    tokenizer.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(),
                                           decoders.Strip(" ", 1, 0)])
    tokenizer.add_special_tokens([AddedToken(token, normalized=False) for token in ("<unk>", "<s>", "</s>")])
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A", "<s> $A $B", [("<s>", 1)])
    return tokenizer


def write_tokenizer(folder, name):
    llama = name == "llama"
    (pieces() if llama else byte_level()).save(str(folder / "tokenizer.json"))
    special = dict(eos_token="<|im_end|>", tokenizer_class="PreTrainedTokenizerFast")
    if llama:
        special = dict(bos_token="<s>", eos_token="</s>", unk_token="<unk>", tokenizer_class="LlamaTokenizer")
    oracle.write_json(folder / "tokenizer_config.json", special)
    (folder / "chat_template.jinja").write_text(INST if llama else CHATML)


def write_model(name):
    folder = OUT / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    kind, settings = MODELS[name]
    if name == "llama":
        settings["vocab_size"] = pieces().get_vocab_size()
    torch.manual_seed(SEED + len(name))
    config = transformers.AutoConfig.for_model(kind, **settings)
    model = transformers.AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for key, value in model.named_parameters():
            if key.endswith("norm.weight"):
                value.normal_(1.0, 0.2)
            elif key.endswith("bias"):
                value.normal_(0.0, 0.5)
            elif "experts" in key or key.endswith("mlp.gate.weight"):
                value.normal_(0.0, 0.3)
    model.bfloat16().save_pretrained(folder)
    (folder / "generation_config.json").unlink()
    write_tokenizer(folder, name)


def convert(folder, ftype, file):
    TextModel.get_vocab_base_pre = lambda self, tokenizer: "qwen2"
    architecture = json.loads((folder / "config.json").read_text())["architectures"][0]
    with torch.inference_mode():
        get_model_class(architecture)(folder, ftype, file).write()


def quantize(source, target, ftype):
    settings = llama_cpp.llama_model_quantize_default_params()
    settings.ftype, settings.nthread = ftype, 1
    assert llama_cpp.llama_model_quantize(str(source).encode(), str(target).encode(), ctypes.byref(settings)) == 0


def fnv1a(data):
    state = 0xCBF29CE484222325
    for byte in data:
        state = ((state ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return f"{state:016x}"


def described(file):
    reader = gguf.GGUFReader(file)
    metadata = {}
    for key, field in reader.fields.items():
        value = field.contents()
        if key.startswith("GGUF."):
            continue
        if isinstance(value, list) and len(value) > 8:
            value = {"count": len(value), "fnv1a": fnv1a("\n".join(map(str, value)).encode())}
        metadata[key] = value
    tensors = {t.name: {"shape": [int(n) for n in reversed(t.shape)], "type": t.tensor_type.name,
                        "fnv1a": fnv1a(t.data.tobytes())} for t in reader.tensors}
    return {"metadata": metadata, "tensors": tensors}


def expectations(folder):
    found = {}
    with tempfile.TemporaryDirectory() as scratch:
        files = {}
        for name in ("F32", "F16", "BF16"):
            files[name] = pathlib.Path(scratch) / f"{name}.gguf"
            ftype = gguf.LlamaFileType["ALL_F32" if name == "F32" else f"MOSTLY_{name}"]
            convert(folder, ftype, files[name])
        for name, ftype in QUANTIZED.items():
            files[name] = pathlib.Path(scratch) / f"{name}.gguf"
            quantize(files["F32"], files[name], ftype)
        for name, file in files.items():
            if name != "F32":
                found[name] = described(file)
    return found


def main():
    versions = dict(gguf="of LLAMA_CPP", llama_cpp=llama_cpp.__version__)
    for name in MODELS:
        write_model(name)
    for name, folder in {**{name: OUT / name for name in MODELS}, "demo": DEMO / "base"}.items():
        about = oracle.provenance("gguf_models.py", SEED, **versions)
        oracle.write_json(OUT / f"{name}.json", {"about": about, **expectations(folder)})
        print(name, sum(file.stat().st_size for file in folder.iterdir()) // 1024, "KiB")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
