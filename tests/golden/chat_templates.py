"""Renders the real chat templates of ../shared/data/chat_templates with transformers' own environment.

Run with transformers and jinja2 installed, from anywhere:
    python tests/golden/chat_templates.py [folder of templates]
Writes chat_templates.json beside this file: versions, cases (the inputs), and for each template and case the
text or, where Python raises, {"error": kind}. Templates are not copied; the test looks them up again. Equal
results are stored once.
"""
import datetime
import hashlib
import json
import pathlib
import sys

import jinja2
import transformers
from transformers.utils import chat_template_utils

HERE = pathlib.Path(__file__).resolve().parent
TEMPLATES = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parents[2] / "shared/data/chat_templates"


class FixedTime(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(2026, 1, 2, 3, 4, 5)


chat_template_utils.datetime = FixedTime

SPECIAL = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather at a place, in °C & more",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "Name of the <city>"},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"], "default": "celsius"},
                "days": {"type": "integer", "default": 3, "nullable": True},
                "tags": {"type": "array", "items": {"type": "string"}},
                "limit": {"type": ["number", "null"], "minimum": 0.5},
                "point": {"type": "object", "properties": {"lat": {"type": "number"}, "lon": {"type": "number"}},
                          "required": ["lat"]},
            },
            "required": ["city"],
        },
    },
}
CLOCK = {"type": "function", "function": {"name": "now", "description": "The time",
                                           "parameters": {"type": "object", "properties": {}}}}


def call(name, arguments, id="abcdefg12"):
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


USER = {"role": "user", "content": "What is 2 + 2?"}
SYSTEM = {"role": "system", "content": "Be brief.\nUse 'plain' words — only \"those\"."}
ANSWER = {"role": "assistant", "content": "It is 4. ☃"}
THOUGHT = {"role": "assistant", "content": "<think>\nTwo and two.\n</think>\n\nFour."}
REASONED = {"role": "assistant", "content": "Four.", "reasoning_content": "Two and two.\n"}
CALLING = {"role": "assistant", "content": "", "tool_calls": [call("get_weather", {"city": "Köln", "days": 2, "tags": ["a", "b"], "deep": {"x": None, "y": 1.0, "z": True}})]}
RESULT = {"role": "tool", "content": "{\"temperature\": 21.5}", "name": "get_weather", "tool_call_id": "abcdefg12"}
TOOL_CHAT = [USER, CALLING, RESULT, {"role": "assistant", "content": "It is 21.5 °C."}, {"role": "user", "content": "Thanks"}]
TWO_CALLS = [
    SYSTEM, USER,
    {"role": "assistant", "content": "Looking.", "reasoning_content": "I need both.",
     "tool_calls": [call("get_weather", {"city": "A"}, "abcdefg12"), call("now", {}, "abcdefg34")]},
    RESULT, {"role": "tool", "content": "12:00", "name": "now", "tool_call_id": "abcdefg34"},
]
PARTS = [{"role": "user", "content": [{"type": "text", "text": "Look "}, {"type": "image"}, {"type": "text", "text": "here"}]}]
DOCUMENTS = [{"title": "One", "text": "First text."}, {"title": "Two", "text": "Second <text>."}]

CASES = {
    "plain": {"messages": [USER]},
    "plain_generate": {"messages": [USER], "generate": True},
    "system": {"messages": [SYSTEM, USER], "generate": True},
    "turns": {"messages": [USER, ANSWER, {"role": "user", "content": "  And 3 + 3?\n"}, ANSWER]},
    "turns_system_generate": {"messages": [SYSTEM, USER, ANSWER, USER], "generate": True},
    "thought": {"messages": [USER, THOUGHT, USER, THOUGHT]},
    "thought_generate": {"messages": [USER, THOUGHT, USER], "generate": True},
    "reasoned": {"messages": [USER, REASONED, USER, REASONED]},
    "thinking_on": {"messages": [USER], "generate": True, "variables": {"enable_thinking": True, "thinking": True}},
    "thinking_off": {"messages": [SYSTEM, USER], "generate": True, "variables": {"enable_thinking": False, "thinking": False}},
    "tools": {"messages": [USER], "tools": [WEATHER, CLOCK], "generate": True},
    "tools_system": {"messages": [SYSTEM, USER], "tools": [WEATHER], "generate": True},
    "tool_chat": {"messages": TOOL_CHAT, "tools": [WEATHER, CLOCK], "generate": True},
    "tool_chat_no_tools": {"messages": TOOL_CHAT},
    "tool_result_last": {"messages": TOOL_CHAT[:3], "tools": [WEATHER], "generate": True},
    "two_calls": {"messages": TWO_CALLS, "tools": [WEATHER, CLOCK], "generate": True},
    "content_none": {"messages": [USER, {**CALLING, "content": None}, RESULT], "tools": [WEATHER], "generate": True},
    "arguments_text": {"messages": [USER, {"role": "assistant", "content": "", "tool_calls": [call("now", "{\"a\": 1}")]}, RESULT], "tools": [CLOCK]},
    "parts": {"messages": PARTS, "generate": True},
    "documents": {"messages": [USER], "generate": True, "variables": {"documents": DOCUMENTS}},
    "assistant_first": {"messages": [ANSWER, USER]},
    "two_users": {"messages": [USER, USER], "generate": True},
    "unknown_role": {"messages": [USER, {"role": "narrator", "content": "Meanwhile"}]},
    "empty": {"messages": []},
    "extras": {"messages": [{"role": "developer", "content": "Be kind."}, USER], "generate": True,
               "variables": {"reasoning_effort": "high", "builtin_tools": ["browser", "python"], "model_identity": "You are Swift.",
                             "tools_in_user_message": False, "custom_tools": None, "date_string": "1 Jan 2026"}},
}


def render(source, case):
    template = chat_template_utils._compile_jinja_template(source)
    variables = {**SPECIAL, "documents": None, **case.get("variables", {})}
    try:
        return template.render(messages=case["messages"], tools=case.get("tools"),
                               add_generation_prompt=case.get("generate", False), **variables)
    except Exception as error:
        return {"error": type(error).__name__}


def main():
    texts, results = [], {}
    places = {}
    for path in sorted(TEMPLATES.glob("*.jinja")):
        source = path.read_text(encoding="utf-8")
        results[path.name] = {"sha256": hashlib.sha256(source.encode()).hexdigest(), "cases": {}}
        for name, case in CASES.items():
            out = render(source, case)
            key = json.dumps(out)
            if key not in places:
                places[key] = len(texts)
                texts.append(out)
            results[path.name]["cases"][name] = places[key]
    golden = {
        "made_by": {"python": sys.version.split()[0], "jinja2": jinja2.__version__, "transformers": transformers.__version__},
        "now": "2026-01-02T03:04:05",
        "special_tokens": SPECIAL, "cases": CASES, "results": results, "texts": texts,
    }
    (HERE / "chat_templates.json").write_text(json.dumps(golden, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
    failed = sum(isinstance(texts[i], dict) for r in results.values() for i in r["cases"].values())
    print(f"{len(results)} templates, {len(CASES)} cases each, {failed} raise")


if __name__ == "__main__":
    main()
