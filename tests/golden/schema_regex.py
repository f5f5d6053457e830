"""Verdicts of Python's re on texts, for the grammars made from regular expressions.

    python tests/golden/schema_regex.py
Writes schema_regex.json: the version and, for each pattern, which of the texts match whole. Classes are ASCII's, but
white space is that of ECMA-262, which re lacks: \\s and \\S are written out before re sees them.
"""
import itertools
import json
import pathlib
import platform
import re

HERE = pathlib.Path(__file__).resolve().parent

PATTERNS = [
    "", "a", "abc", "a|b", "a|", "|a|bc", "(a|b)c", "(?:ab)+", "(?P<n>a)b", "a*", "a+b?", "a{2}", "a{2,}", "a{1,2}b",
    "a{,2}", "a{", "a{x}", "(ab|a)(c|bc)", "(a*)*", "(a|ab)*c", "a*?b", "a??b", "[abc]", "[^abc]", "[a-c]{2}",
    "[]a]", "[^]a]", "[a-]", "[-a]", "[a\\-c]", "[\\d.]+", "[\\w-]+", "\\d", "\\D", "\\w", "\\W", "\\s", "\\S", ".",
    "..", ".*", "a.c", "\\.", "\\*", "\\\\", "\\n", "\\t", "\\x41", "\\u00e9", "é", "[à-ü]", "é+", "😀", "[^a]",
    "[😀-😂]", "^a$", "^(a|b)$", "^a|b$", "(^a|b)c", "a(b|c$)", "\\Aab\\Z", "(a(b(c)?)?)?", "(0|[1-9]\\d*)(\\.\\d+)?",
    "[A-Za-z_]\\w*", "(?:\\+|-)?\\d{1,3}", "[\\]]", "[\\^a]", "a/b", "\\/", "[\\u0041-\\u0043]", "(?:a|b|c){2,3}",
    "[^\\W\\d]", "[\\s\\d]+", "\\0", "a\\$", "\\^a",
]
PIECES = ["a", "b", "c", "é", "😀", "1", ".", "-", "\n"]
TEXTS = ["", *PIECES, *("".join(p) for p in itertools.product("abc", repeat=2)),
         *("".join(p) for p in itertools.product("abc", repeat=3)), "aaa", "aab", "abab", "ababab", "aaaa", "{", "a{",
         "a{x}", "]", "A", "B", "D", "_", "_a1", "*", "\\", "\t", "\0", " ", "0", "01", "10", "10.5", "+123", "-1", "1234",
         "à", "ç", "éé", "😀😀", "😁", "a.c", "a\nc", "aéc", "a/b", "/", "^", "^a", "a$", "a-", "a-b", "1.2", "\r", "\u2028", "\u3000"]


SPACE = "\t-\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"


def spelled_out(pattern):
    if pattern.startswith("["):
        return pattern.replace("\\s", SPACE)
    return pattern.replace("\\s", f"[{SPACE}]").replace("\\S", f"[^{SPACE}]")


def main():
    texts = sorted(set(TEXTS))
    cases = [{"pattern": p, "matches": [i for i, t in enumerate(texts) if re.fullmatch(spelled_out(p), t, re.ASCII)]}
             for p in PATTERNS]
    about = {"made_by": "tests/golden/schema_regex.py", "python": platform.python_version()}
    lines = ",\n".join("  " + json.dumps(case, ensure_ascii=False) for case in cases)
    (HERE / "schema_regex.json").write_text('{"about": ' + json.dumps(about) + ',\n "texts": ' + json.dumps(texts) +
                                            ',\n "cases": [\n' + lines + "\n ]}\n")


if __name__ == "__main__":
    main()
