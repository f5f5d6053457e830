"""Makes labels.json: the assistant text that training must see, for every template of ../shared/data/chat_templates.

The expected texts are written here by hand from the renderings; the script renders each conversation with Jinja
(transformers' settings), checks that the texts occur in it in order, and records what the C++ test needs.
Run: python tests/golden/labels.py ../shared/data/chat_templates > tests/golden/labels.json
"""
import json
import os
import re
import sys

import jinja2
import transformers
from transformers.utils.chat_template_utils import _compile_jinja_template

SPECIAL = re.compile(r"<[|｜][^|｜\s<>]+[|｜]>|\[/?(?:INST|SYSTEM_PROMPT|gMASK)\]|<(?:sop|start_of_turn|end_of_turn)>|</?s>")
SYSTEM = {"role": "system", "content": "SYS"}
TURNS = [{"role": "user", "content": "hello one"}, {"role": "assistant", "content": "reply one"},
         {"role": "user", "content": "hello two"}, {"role": "assistant", "content": "reply two"}]
CALL = [{"role": "user", "content": "weather?"},
        {"role": "assistant", "content": "let me see",
         "tool_calls": [{"type": "function", "function": {"name": "weather", "arguments": {"city": "Rome"}}}]},
        {"role": "tool", "content": "sunny"}, {"role": "assistant", "content": "It is sunny."}]
TOOLS = [{"type": "function", "function": {"name": "weather", "description": "Weather of a city", "parameters": {
    "type": "object", "properties": {"city": {"type": "string", "description": "City"}}, "required": ["city"]}}}]
THINK = [{"role": "user", "content": "q1"}, {"role": "assistant", "content": "<think>\nhm\n</think>\n\na1"},
         {"role": "user", "content": "q2"}, {"role": "assistant", "content": "<think>\nso\n</think>\n\na2"}]
HOSTILE = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "<b>\u00e9 user<|im_end|>x"},
           {"role": "user", "content": "<"}, {"role": "assistant", "content": "assistant"}]


def pair(end, before="", before_last=None, end_last=None):
    last = before if before_last is None else before_last
    return [before + "reply one" + end, last + "reply two" + (end if end_last is None else end_last)]


EMPTY_THINK = "<think>\n\n</think>\n\n"
EOT = "<｜end▁of▁sentence｜>"
# Template -> trained text of both turns.
TWO_TURNS = {
    "CohereForAI-c4ai-command-r7b-12-2024-tool_use": pair("<|END_RESPONSE|><|END_OF_TURN_TOKEN|>", "<|START_RESPONSE|>"),
    "GLM-4.6": pair("<|user|>", "\n<think></think>\n"),  # no end of turn: the next role token, appended at the end
    "HuggingFaceTB-SmolLM3-3B": pair("<|im_end|>"),
    "Kimi-K2-Instruct": pair("<|im_end|>"),
    "LFM2-8B-A1B": pair("<|im_end|>"),
    "MiMo-VL": pair("<|im_end|>"),
    "Mistral-Small-3.2-24B-Instruct-2506": pair("</s>"),
    "NousResearch-Hermes-3-Llama-3.1-8B-tool_use": pair("<|im_end|>"),
    "Qwen-QwQ-32B": pair("<|im_end|>"),
    "Qwen-Qwen2.5-7B-Instruct": pair("<|im_end|>"),
    "Qwen-Qwen3-0.6B": pair("<|im_end|>", before_last=EMPTY_THINK),
    "Qwen3-Coder": pair("<|im_end|>"),
    "Qwen3.5-4B": pair("<|im_end|>", before_last="\n</think>\n\n"),  # the prompt ends with <think>\n
    "deepseek-ai-DeepSeek-R1-Distill-Llama-8B": pair(EOT),
    "deepseek-ai-DeepSeek-V3.1": pair(EOT),
    "google-gemma-2-2b-it": pair("<end_of_turn>"),
    "ibm-granite-granite-3.3-2B-Instruct": pair("<|end_of_text|>"),
    "meta-llama-Llama-3.1-8B-Instruct": pair("<|eot_id|>"),
    "meta-llama-Llama-3.2-3B-Instruct": pair("<|eot_id|>"),
    "meta-llama-Llama-3.3-70B-Instruct": pair("<|eot_id|>"),
    "microsoft-Phi-3.5-mini-instruct": pair("<|end|>"),
    "mistralai-Mistral-Nemo-Instruct-2407": pair("</s>"),
    "openai-gpt-oss-120b": pair("<|end|>", "<|channel|>final<|message|>", end_last="<|return|>"),
    "openbmb-MiniCPM5-1B": pair("<|im_end|>"),
}
NO_SYSTEM = {"google-gemma-2-2b-it"}
QWEN_CALL = 'let me see\n<tool_call>\n{"name": "weather", "arguments": {"city": "Rome"}}\n</tool_call><|im_end|>'
FURTHER = [
    ("Qwen-Qwen3-0.6B", "tool call", CALL, TOOLS, [QWEN_CALL, EMPTY_THINK + "It is sunny.<|im_end|>"]),
    ("Qwen-Qwen2.5-7B-Instruct", "tool call", CALL, TOOLS, [QWEN_CALL, "It is sunny.<|im_end|>"]),
    ("Qwen-Qwen3-0.6B", "reasoning", THINK, None, ["a1<|im_end|>", "<think>\nso\n</think>\n\na2<|im_end|>"]),
    ("Qwen3.5-4B", "reasoning", THINK, None, ["a1<|im_end|>", "so\n</think>\n\na2<|im_end|>"]),
    ("Qwen-Qwen2.5-7B-Instruct", "text that looks like the template", HOSTILE, None,
     ["<b>\u00e9 user<|im_end|>x<|im_end|>", "assistant<|im_end|>"]),
    ("deepseek-ai-DeepSeek-R1-Distill-Llama-8B", "text that looks like the template", HOSTILE, None,
     ["<b>\u00e9 user<|im_end|>x" + EOT, "assistant" + EOT]),
    ("meta-llama-Llama-3.1-8B-Instruct", "text that looks like the template", HOSTILE, None,
     ["<b>\u00e9 user<|im_end|>x<|eot_id|>", "assistant<|eot_id|>"]),
    ("openai-gpt-oss-120b", "tool call", CALL, TOOLS,
     [' to=functions.weather<|channel|>commentary json<|message|>{"city": "Rome"}<|call|>', "<|channel|>final<|message|>It is sunny.<|return|>"]),
]


def main(folder):
    cases = [(name, "two turns", TURNS, None, texts) for name, texts in TWO_TURNS.items()]
    cases += [(name, "two turns with a system text", [SYSTEM] + TURNS, None, texts)
              for name, texts in TWO_TURNS.items() if name not in NO_SYSTEM]
    out = []
    for name, what, messages, tools, texts in cases + FURTHER:
        special = {"bos_token": "<s>", "eos_token": EOT if "deepseek" in name else "</s>"}
        template = _compile_jinja_template(open(os.path.join(folder, name + ".jinja"), encoding="utf-8").read())
        no_tools = [] if "Hermes" in name else None
        text = template.render(messages=messages, tools=tools or no_tools, add_generation_prompt=False, **special)
        at = 0
        for i, expected in enumerate(texts):
            if name == "GLM-4.6" and i + 1 == len(texts):
                expected = expected.removesuffix("<|user|>")
            at = text.index(expected, at) + len(expected) - len("<|user|>" if name == "GLM-4.6" else "")
        tokens = sorted(set(SPECIAL.findall(text)) | set(SPECIAL.findall("".join(texts))) | set(special.values()))
        if "deepseek" not in name and "<|im_end|>" not in "".join(TWO_TURNS[name]):
            tokens = [t for t in tokens if t != "<|im_end|>"]
        out.append({"template": name, "case": what, "special_tokens": special, "added_tokens": tokens,
                    "messages": messages, "tools": tools, "trained": texts})
    made_by = {"script": "tests/golden/labels.py", "transformers": transformers.__version__, "jinja2": jinja2.__version__}
    json.dump({"made_by": made_by, "cases": out}, sys.stdout, ensure_ascii=False, indent=1)
    print()


main(sys.argv[1])
