"""Every way to cut words that swift export names for llama.cpp, and real tokenizers, against tokenizers.

usage: gguf_tokenizers.py SWIFT CORPUS.jsonl [TOKENIZERS]
Trains a byte-level BPE for each cut, puts it into a model of one tiny layer, exports that as GGUF and compares the ids
of llama.cpp with those of tokenizers, text by text; in NFC, which llama.cpp does not make itself. TOKENIZERS: a folder
of folders with a tokenizer.json, taken too where it is there. Skips as llama.py says.
"""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unicodedata

import llama

llama.enter(["llama_cpp", "numpy", "safetensors", "tokenizers"])

import llama_cpp
import numpy as np
from safetensors.numpy import save_file
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

swift, corpus = sys.argv[1], pathlib.Path(sys.argv[2])
others = pathlib.Path(sys.argv[3]) if len(sys.argv) > 3 else None
WIDTH = 32

CONTRACTED = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
REST = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"


def words(ending):
    first = r"[^\r\n\p{L}\p{N}]?"
    return f"{first}{UPPER}*{LOWER}+{ending}|{first}{UPPER}+{LOWER}*{ending}"


# By llama.cpp's name: the pattern, and ignore_merges.
PATTERNS = {
    "llama-bpe": (CONTRACTED + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|" + REST, True),
    "smaug-bpe": (CONTRACTED + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|" + REST, False),
    "qwen2": (CONTRACTED + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|" + REST, False),
    "qwen35": (CONTRACTED + r"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|"
               r"\s+(?!\S)|\s+", False),
    "tekken": (words("") + r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+", True),
    "gpt-4o": (words(CONTRACTED + "?") + r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+", False),
}
GPT2 = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
CUTS = {name: (pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated"),
                                        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]), ignores)
        for name, (pattern, ignores) in PATTERNS.items()}
CUTS["gpt-2"] = (GPT2, False)
CUTS["smollm"] = (pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), GPT2]), False)

TEXTS = [
    "I'LL be, DON'T we'Ve it's 'told", "1 12 123 1234 12345 1234567 3.14 1,000", "a/b/c// HelloWorld fooBar x=[1];\r\n",
    "\u00c0\u00c9\u00ce \u00e9\u00e0\u00fc stra\u00dfe na\u00efve",
    "\u0928\u092e\u0938\u094d\u0924\u0947 \u0e2a\u0e27\u0e31\u0e2a",
    "\u4f60\u597d\uff0c\u4e16\u754c \u3053\u3093\u306b\u3061\u306f \uc548\ub155",
    "\U0001f680 (normal) \U0001f636\u200d\U0001f32b\ufe0f \u2705", " \t \n\n\n  x  \n \t\t y   ",
    "'''''```\"\"\"......!!!!!!??????", "  leading", "trailing   ", "\n", "a\u0301bc \u0301x"]


def model(folder, tokenizer):
    """A model directory whose weights do not matter."""
    rows = max(tokenizer.get_vocab().values()) + 1
    config = dict(architectures=["LlamaForCausalLM"], model_type="llama", vocab_size=rows, hidden_size=WIDTH,
                  intermediate_size=WIDTH, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=2,
                  tie_word_embeddings=True, max_position_embeddings=64, dtype="float32")
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer_config.json").write_text("{}")
    tensors = {"model.embed_tokens.weight": np.ones((rows, WIDTH), np.float32),
               "model.norm.weight": np.ones(WIDTH, np.float32)}
    for name in ("self_attn.q", "self_attn.k", "self_attn.v", "self_attn.o", "mlp.gate", "mlp.up", "mlp.down"):
        tensors[f"model.layers.0.{name}_proj.weight"] = np.ones((WIDTH, WIDTH), np.float32)
    for name in ("input", "post_attention"):
        tensors[f"model.layers.0.{name}_layernorm.weight"] = np.ones(WIDTH, np.float32)
    save_file(tensors, folder / "model.safetensors")


def check(file, texts, expected_name):
    tokenizer = Tokenizer.from_file(str(file))
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        shutil.copy(file, folder / "tokenizer.json")
        model(folder, tokenizer)
        done = subprocess.run([swift, "export", "--model", folder, "--export_format", "gguf", "--gguf_type", "q8_0",
                               "--output_dir", folder / "out"], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        found, = (folder / "out").glob("*.gguf")
        loaded = llama_cpp.Llama(str(found), vocab_only=True, verbose=False)
    name = loaded.metadata["tokenizer.ggml.pre"]
    assert expected_name in (None, name), (expected_name, name)
    for text in (unicodedata.normalize("NFC", text) for text in texts):
        ids = loaded.tokenize(text.encode(), add_bos=False, special=True)
        expected = tokenizer.encode(text, add_special_tokens=False).ids
        assert ids == expected, (name, text, ids, expected)
    print(f"{file.parent.name if expected_name is None else 'trained'} {name}: {len(texts)} texts alike")


def main():
    lines = [json.loads(line)["text"] for line in corpus.read_text().splitlines()[:2000]]
    texts = TEXTS + lines[:60]
    for name, (cut, ignores) in CUTS.items():
        tokenizer = Tokenizer(models.BPE(ignore_merges=ignores))
        tokenizer.pre_tokenizer = cut
        tokenizer.train_from_iterator(lines + TEXTS * 5, trainers.BpeTrainer(
            vocab_size=1500, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
        with tempfile.TemporaryDirectory() as scratch:
            file = pathlib.Path(scratch) / "tokenizer.json"
            tokenizer.save(str(file))
            check(file, texts, name)
    for file in sorted(others.glob("*/tokenizer.json")) if others and others.is_dir() else []:
        check(file, texts, None)


main()
