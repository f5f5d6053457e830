"""Renders the snippets of jinja_snippets.txt with jinja2, in the environment transformers uses for chat templates.

Run with transformers and jinja2 installed:
    python tests/golden/jinja.py
Each line of the text file is one template, in which the two characters \\n that stand outside of a tag are
newlines (a tag may hold \\\\n for the escape). Writes jinja.json: versions, the variables and, for each
template, its text or the kind ("syntax" or "runtime") and line of its error.
"""
import datetime
import json
import pathlib
import re
import sys
import traceback

import jinja2
import transformers
from transformers.utils import chat_template_utils

HERE = pathlib.Path(__file__).resolve().parent


class FixedTime(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(2026, 1, 2, 3, 4, 5)


chat_template_utils.datetime = FixedTime

VARIABLES = {
    "n": 5,
    "xs": [3, 1, 2, 5, 4, 1],
    "d": {"a": 1, "b": {"c": "deep"}, "e": [1, 2]},
    "people": [
        {"name": "Ann", "age": 31, "admin": True, "home": {"city": "Oslo"}},
        {"name": "bob", "age": 25, "admin": False, "home": {"city": "Rome"}, "zip": 7},
        {"name": "Cy", "age": 40, "admin": False, "home": {"city": "oslo"}},
    ],
    "messages": [
        {"role": "system", "content": "Be nice."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": None,
         "tool_calls": [{"type": "function", "function": {"name": "f", "arguments": {"q": "é", "k": [1, 2.5]}}}]},
    ],
}


def line_of(error):
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<template>"]
    return lines[-1] if lines else 0


def expand(text):
    """The characters \\n of a line become newlines outside of tags, \\\\n an escape inside."""
    out = []
    for part in re.split(r"(\{\{.*?\}\}|\{%.*?%\})", text):
        tag = part.startswith(("{{", "{%"))
        out.append(part.replace("\\\\n", "\\n") if tag else part.replace("\\n", "\n"))
    return "".join(out)


def render(source, variables=VARIABLES):
    try:
        template = chat_template_utils._compile_jinja_template(source)
    except jinja2.TemplateSyntaxError as error:
        return {"error": "syntax", "line": error.lineno, "message": error.message}
    except SyntaxError as error:  # of the Python that jinja2 generates; its line is none of the template's
        return {"error": "syntax", "message": error.msg}
    except Exception as error:
        return {"error": "syntax", "message": str(error)}
    try:
        return {"text": template.render(**variables)}
    except Exception as error:
        line = line_of(error)
        return {"error": "runtime", **({"line": line} if line else {}), "message": str(error)}


def main():
    sources = [expand(line) for line in (HERE / "jinja_snippets.txt").read_text(encoding="utf-8").split("\n") if line]
    golden = {
        "made_by": {"python": sys.version.split()[0], "jinja2": jinja2.__version__, "transformers": transformers.__version__},
        "now": "2026-01-02T03:04:05",
        "variables": VARIABLES,
        "cases": [{"source": source, **render(source)} for source in sources],
    }
    (HERE / "jinja.json").write_text(json.dumps(golden, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
    print(f"{len(sources)} snippets, {sum('error' in case for case in golden['cases'])} raise")


if __name__ == "__main__":
    main()
