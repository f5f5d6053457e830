"""Makes tokenizer_cases.json: small tokenizers with the ids and decoded text of Hugging Face's tokenizers.

Run: python tests/golden/tokenizer.py   (needs the tokenizers package; no network)
"""
import copy
import json
import pathlib

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

QWEN2 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
         r"|\s*[\r\n]+|\s+(?!\S)|\s+")
LLAMA3 = QWEN2.replace(r"|\p{N}|", r"|\p{N}{1,3}|")
# Not one of the patterns that the tokenizer scans by hand: goes through PCRE2.
GPT4O_LIKE = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve)?"
              r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*"
              r"|\s*[\r\n]+|\s+(?!\S)|\s+")

CORPUS = [
    "The cat sat on the mat, and the other cat didn't. It's what they'll do; we've seen it, I'm sure you'd agree.",
    "THE CAT'S MAT. WE'LL SEE. Numbers: 1 22 333 4444 55555, 3.14159, 2024-01-31, 10:45.",
    "def add(a, b):\n    return a + b\n\n\nclass Cat:\n\tdef __init__(self, name):\n\t\tself.name = name\n",
    "for (int i = 0; i < 10; ++i) { printf(\"%d\\n\", i); }  // loop\r\n\r\n",
    "你好,世界。今天天气很好。日本語のテストです。한국어 테스트입니다.",
    "Привет, мир! Как дела? Ελληνικά γράμματα. Größe, naïve, café, Ünïcödé.",
    "😀😀 👍🏽 👨‍👩‍👧 🚀🚀🚀 ❤️",
    "  two  spaces   three    four\t\ttabs\n\n\nlines",
] * 4

TEXTS = [
    "", " ", "  ", "   ", "\n", "\n\n", "\t", "\t\n", " \n", "\n ", "\r\n", "a", "Hello world", " Hello  world ",
    "The cat's mat, they'll see; I'm, you'd, we've, it's, can't", "THE CAT'S MAT, THEY'LL SEE; I'M, YOU'D, WE'VE",
    "'s 's' ''s 'S 'tis 'RE'll", "the cat\u017f 'ſ", "0 12 345 6789 12345678901", "3.14e-10, 1,000,000", "²½Ⅷ٣४१𝟘", "a1b22c333",
    "e\u0301 \u00e9 e\u0323\u0301 e\u0301\u0323 A\u030a \u212b \u2126 \u1e69", "한국어 \u1112\u1161\u11ab 가\u11a8",
    "か\u3099が は\u309a", "\u0898\u0301 a\u0898\u0316", "\u0344 \u0958", "你好,世界。今天", "日本語のテスト", "Привет, мир!",
    "Ελληνικά ΣΊΣΥΦΟΣ", "مرحبا بالعالم", "שלום עולם", "हिन्दी भाषा", "ภาษาไทย", "😀", "👍🏽👍🏽", "👨‍👩‍👧‍👦 family", "🏳️‍🌈🇩🇪", "❤️ ❤",
    "\u00a0nbsp\u00a0\u00a0x", "\u2003em\u3000ideo", "\u180emongolian \u180e x", "a\u200bb\u200dc", "\ufeffbom", "\x00\x01\x1b[0m\x7f",
    "\u0085next\u2028line\u2029", "\U00016d40 \U0002ebf0\U0002ebf1 \U0001e5f1", "\U0010ffff\ufffe\ufffd",
    "def f(x):\n    return x\n\n\n    # end\n", "a  \n  b \t \n\n  c   ", "x = {\"k\": [1, 2]}; // !!\r\n\r\n!!\n\n",
    "......!!!!!!?????? ------=======", "_snake_case camelCase HTMLParser x_1", "<|end|>", "a<|end|>b <|end|> <|end|>\n",
    "<|end|><|end|><|pad|>", "<|end", "<|end|", "x <left> y  <left>", "x <right>  y<right> ", "one word onewordone (word) word",
    "word\u00e9 word_ word- \u00e9word", "caf\u00e9 cafe\u0301 CAF\u00c9", "<|pad|>s<|pad|>' <longer><long>", "İstanbul ﬁ ℌ ①",
    "a-b--c-1-22--", "2024-01-31T10:45", "-", "--", "x" * 70, "the " * 20, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!",
    "你" * 60, "= 4 ½ months\n\u00c4pfel", "▁under▁score ▁", "<0x41> <0x0A>",
]
SPLIT_TEXTS = ["", "-", "a-b--c-1-22--", "--a1-2b", "12-34 5--6 the cat", " the  cat\n-1 ", "日本-2語", "x²y½-", "...a.b-3"]


def byte_level(regex):
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(regex), "isolated"),
                                    pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def trained(pre_tokenizer, normalizer=None, size=420):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizer
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(CORPUS, trainers.BpeTrainer(
        vocab_size=size, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    return tokenizer


def make_tokenizers():
    made = {}
    qwen = trained(byte_level(QWEN2), normalizers.NFC())
    qwen.add_special_tokens([AddedToken("<|end|>", special=True), AddedToken("<|pad|>", special=True)])
    qwen.add_tokens([AddedToken("<left>", lstrip=True, normalized=False), AddedToken("<right>", rstrip=True),
                     AddedToken("word", single_word=True, normalized=False), AddedToken("<long>", normalized=False),
                     AddedToken("<longer>", normalized=False), AddedToken("cafe\u0301", normalized=True)])
    made["qwen2-like"] = json.loads(qwen.to_str())

    llama = trained(byte_level(LLAMA3))
    llama.add_special_tokens([AddedToken("<|end|>", special=True)])
    made["llama3-like"] = json.loads(llama.to_str())
    model = made["llama3-like"]["model"]
    # Words that the merges do not reach: only ignore_merges gives them.
    model["ignore_merges"] = True
    model["vocab"]["HelloĠ"] = len(model["vocab"]) + 10
    model["vocab"]["family"] = len(model["vocab"]) + 10
    model["merges"] = [" ".join(merge) for merge in model["merges"]]  # the older spelling

    gpt2 = trained(pre_tokenizers.ByteLevel(add_prefix_space=True, use_regex=True))
    gpt2.add_special_tokens([AddedToken("<|end|>", special=True)])
    made["gpt2-like"] = json.loads(gpt2.to_str())

    gpt4o = trained(byte_level(GPT4O_LIKE))
    made["gpt4o-like"] = json.loads(gpt4o.to_str())

    fallback = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    fallback.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    fallback.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
                                          decoders.Strip(" ", 1, 0)])
    fallback.train_from_iterator([line for text in CORPUS for line in text.split(" ")], trainers.BpeTrainer(
        vocab_size=520, limit_alphabet=90, show_progress=False,
        special_tokens=["<unk>", "<s>", "</s>"] + ["<0x%02X>" % byte for byte in range(256)]))
    made["byte-fallback"] = json.loads(fallback.to_str())
    # The 256 byte tokens are part of the vocabulary, not texts to look for.
    made["byte-fallback"]["added_tokens"] = made["byte-fallback"]["added_tokens"][:3]

    odd = trained(pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False), size=380)
    odd.normalizer = normalizers.Sequence([normalizers.Strip(), normalizers.NFKD(), normalizers.Lowercase(),
                                           normalizers.Replace(Regex(r"\s+"), " ")])
    odd.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Digits(True),
                                                 pre_tokenizers.ByteLevel(add_prefix_space=True, use_regex=True)])
    odd.add_tokens([AddedToken("CAT", normalized=True)])
    made["odd-normalizers"] = json.loads(odd.to_str())
    return made


def make_splits(base):
    """Pre-tokenizers over one model whose merges cross word boundaries, so that ids show the cuts."""
    last = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    variants = []
    for behavior in ["Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous"]:
        for invert in [False, True]:
            variants.append([{"type": "Split", "pattern": {"Regex": r"-|\d+|x*"}, "behavior": behavior,
                              "invert": invert}, last])
            variants.append([{"type": "Split", "pattern": {"String": "-"}, "behavior": behavior, "invert": invert},
                             last])
    for individual in [False, True]:
        variants.append([{"type": "Digits", "individual_digits": individual}, last])
    variants.append([{"type": "Whitespace"}, last])
    variants.append([{"type": "Split", "pattern": {"String": "."}, "behavior": "Isolated", "invert": False}, last])
    variants.append([last, {"type": "Split", "pattern": {"Regex": "Ġ"}, "behavior": "MergedWithNext",
                            "invert": False}])
    splits = []
    for steps in variants:
        spec = copy.deepcopy(base)
        spec["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": steps}
        tokenizer = Tokenizer.from_str(json.dumps(spec))
        splits.append({"pre_tokenizer": spec["pre_tokenizer"],
                       "ids": [tokenizer.encode(text).ids for text in SPLIT_TEXTS]})
    return splits


def main():
    made = make_tokenizers()
    out = {"made_by": "tests/golden/tokenizer.py with tokenizers " + tokenizers.__version__,
           "texts": TEXTS, "tokenizers": {}}
    for name, spec in made.items():
        spec["version"] = "1.0"
        tokenizer = Tokenizer.from_str(json.dumps(spec))
        for token in spec["added_tokens"]:
            token["id"] = tokenizer.token_to_id(token["content"])
        ids = [tokenizer.encode(text, add_special_tokens=False).ids for text in TEXTS]
        out["tokenizers"][name] = {
            "file": spec, "ids": ids,
            "decoded": [tokenizer.decode(one, skip_special_tokens=False) for one in ids],
            "decoded_without_special": [tokenizer.decode(one, skip_special_tokens=True) for one in ids]}
    base = json.loads(trained(pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False), size=380).to_str())
    out["splits"] = {"file": base, "texts": SPLIT_TEXTS, "cases": make_splits(base)}
    path = pathlib.Path(__file__).with_name("tokenizer_cases.json")
    lines = [json.dumps(key) + ": " + json.dumps(value, ensure_ascii=False, separators=(",", ":"))
             for key, value in out.items()]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print(path, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
