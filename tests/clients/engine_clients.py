"""The clients of openai_client.py and other_clients.py against swift deploy over a model: what comes back is generated.

usage: engine_clients.py ENVIRONMENT SWIFT MODEL
"""

import asyncio
import json
import shutil
import subprocess
import sys
import urllib.request
from typing import Literal, Optional, Union

import environment

program = environment.enter()
model_folder = sys.argv[3]

import anthropic
import jsonschema_rs
import langchain_openai
import openai
import prometheus_client.parser
import pydantic
from langchain_core.tools import tool

QUESTION = [{"role": "user", "content": "What is 3 + 4?"}]
GREEDY = {"model": "demo", "messages": QUESTION, "temperature": 0, "max_tokens": 12}


class Leg(pydantic.BaseModel):
    city: Literal["Paris", "Oslo", "Lima"]
    nights: int = pydantic.Field(ge=1, le=14)


class Trip(pydantic.BaseModel):
    """Has $defs, $ref, anyOf, enum, ranges, lengths and patterns, as clients derive them from classes."""
    name: str = pydantic.Field(max_length=8)
    legs: list[Leg] = pydantic.Field(min_length=1, max_length=2)
    code: str = pydantic.Field(pattern="^[A-Z]{2}[0-9]{2}$")
    price: Union[int, bool]
    note: Optional[Literal["late", "early"]]


PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string", "maxLength": 8}, "days": {"type": "integer", "minimum": 1, "maximum": 9}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": PARAMETERS}}]


@tool
def get_weather(city: Literal["Paris", "Oslo"], days: Literal[1, 2, 3]) -> str:
    """The weather of a city."""
    return f"sun in {city} for {days} days"


def text_of(chunks):
    return "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)


def chat(client, expected):
    answer = client.chat.completions.create(**GREEDY, logprobs=True, top_logprobs=3)
    assert answer.choices[0].message.content == expected
    tokens = answer.choices[0].logprobs.content
    assert len(tokens) == answer.usage.completion_tokens
    assert all(t.top_logprobs[0].token == t.token and -20 < t.logprob <= 0 for t in tokens)
    chunks = list(client.chat.completions.create(**GREEDY, stream=True, stream_options={"include_usage": True}))
    assert text_of(chunks) == expected
    assert chunks[-1].usage.completion_tokens == answer.usage.completion_tokens
    assert client.responses.create(model="demo", input=QUESTION, temperature=0, max_output_tokens=12).output_text == expected
    seeded = {**GREEDY, "temperature": 1, "seed": 7, "n": 3}
    first, second = (client.chat.completions.create(**seeded) for _ in range(2))
    assert [c.message.content for c in first.choices] == [c.message.content for c in second.choices]


async def concurrent(root, expected):
    """Among 40 others each answer is what it is alone."""
    client = openai.AsyncOpenAI(base_url=root + "/v1", api_key="k")

    async def streamed(length):
        text = ""
        async for chunk in await client.chat.completions.create(**{**GREEDY, "max_tokens": length}, stream=True):
            text += chunk.choices[0].delta.content or ""
        return text

    whole = [client.chat.completions.create(**GREEDY) for _ in range(20)]
    results = await asyncio.gather(*whole, *(streamed(1 + i % 12) for i in range(20)))
    assert all(r.choices[0].message.content == expected for r in results[:20])
    assert all(expected.startswith(text) for text in results[20:]) and expected in results[20:]
    await client.close()


def schemas(client):
    """Every answer holds to its schema, whatever the model would rather say."""
    validator = jsonschema_rs.validator_for(Trip.model_json_schema())
    for seed in range(6):
        for ask in (client.chat.completions.parse, None):
            if ask:
                answer = ask(model="demo", messages=QUESTION, response_format=Trip, seed=seed, temperature=1)
                assert isinstance(answer.choices[0].message.parsed, Trip)
                text = answer.choices[0].message.content
            else:
                answer = client.responses.parse(model="demo", input=QUESTION, text_format=Trip, temperature=1)
                assert isinstance(answer.output_parsed, Trip)
                text = answer.output_text
            validator.validate(json.loads(text))
    with client.chat.completions.stream(model="demo", messages=QUESTION, response_format=Trip, seed=9) as events:
        parsed = [e for e in events if e.type == "content.done"]
    assert isinstance(parsed[0].parsed, Trip)
    other = client.chat.completions.create(
        model="demo", messages=QUESTION, extra_body={"structured_outputs": {"regex": "[ab]{3}-[0-9]{2}"}})
    assert len(other.choices[0].message.content) == 6


def tools(client):
    validator = jsonschema_rs.validator_for(PARAMETERS)
    named = {"type": "function", "function": {"name": "get_weather"}}
    for choice in ("required", named):
        asked = {"model": "demo", "messages": QUESTION, "tools": TOOLS, "tool_choice": choice,
                 "parallel_tool_calls": False, "seed": 3}
        calls = client.chat.completions.create(**asked).choices[0].message.tool_calls
        assert [c.function.name for c in calls] == ["get_weather"]
        validator.validate(json.loads(calls[0].function.arguments))
        with client.chat.completions.stream(**asked) as events:
            for _ in events:
                pass
            final = events.get_final_completion().choices[0]
        # The same seed: the pieces make the same call.
        assert final.message.tool_calls[0].function.arguments == calls[0].function.arguments
    message = {"role": "assistant", "tool_calls": [c.model_dump() for c in calls]}
    result = {"role": "tool", "tool_call_id": calls[0].id, "content": "sun"}
    follow = client.chat.completions.create(
        model="demo", messages=[*QUESTION, message, result], tools=TOOLS, max_tokens=4)
    assert follow.usage.completion_tokens <= 4


def embeddings(client):
    decoded = client.embeddings.create(model="demo", input=["a cat", "a dog"]).data  # asks for base64
    floats = client.embeddings.create(model="demo", input=["a cat", "a dog"], encoding_format="float").data
    for a, b in zip(decoded, floats):
        assert len(a.embedding) == 256 and max(abs(x - y) for x, y in zip(a.embedding, b.embedding)) < 1e-6
        assert abs(sum(x * x for x in b.embedding) - 1) < 1e-5
    short = client.embeddings.create(model="demo", input="a cat", dimensions=8).data[0].embedding
    assert abs(sum(x * x for x in short) - 1) < 1e-5


def langchain(root, expected):
    model = langchain_openai.ChatOpenAI(base_url=root + "/v1", api_key="k", model="demo", temperature=0, max_tokens=12)
    answer = model.invoke("What is 3 + 4?")
    assert answer.content == expected
    assert "".join(chunk.content for chunk in model.stream("What is 3 + 4?")) == expected
    free = langchain_openai.ChatOpenAI(base_url=root + "/v1", api_key="k", model="demo", seed=5)
    assert isinstance(free.with_structured_output(Trip, method="json_schema").invoke("plan"), Trip)
    bound = free.bind_tools([get_weather], tool_choice="any", parallel_tool_calls=False)
    whole = None
    for chunk in bound.stream("the weather?"):
        whole = chunk if whole is None else whole + chunk
    assert get_weather.invoke(whole.tool_calls[0]["args"]).startswith("sun in ")


def claude(root, expected):
    client = anthropic.Anthropic(base_url=root, api_key="k", max_retries=0)
    asked = {"model": "demo", "max_tokens": 12, "messages": QUESTION, "extra_body": {"temperature": 0}}
    answer = client.messages.create(**asked)
    assert answer.content[0].text == expected
    with client.messages.stream(**asked) as events:
        assert "".join(events.text_stream) == expected
        assert events.get_final_message().usage.output_tokens == answer.usage.output_tokens
    counted = client.messages.count_tokens(model="demo", messages=QUESTION).input_tokens
    usage = answer.usage
    assert counted == usage.input_tokens + usage.cache_read_input_tokens
    own = [{"name": "get_weather", "input_schema": PARAMETERS}]
    with client.messages.stream(model="demo", max_tokens=200, messages=QUESTION, tools=own,
                                tool_choice={"type": "tool", "name": "get_weather"}) as events:
        for _ in events:
            pass
        final = events.get_final_message()
    assert final.stop_reason == "tool_use"
    jsonschema_rs.validator_for(PARAMETERS).validate(final.content[0].input)


def curl(root, expected):
    path = shutil.which("curl")
    if path is None:
        return print("no curl here")
    for extra in ([], ["-H", "Expect: 100-continue"], ["--http1.0"]):
        out = subprocess.run([path, "-sS", *extra, "-d", json.dumps(GREEDY), root + "/v1/chat/completions"],
                             capture_output=True, text=True, check=True).stdout
        assert json.loads(out)["choices"][0]["message"]["content"] == expected
    body = json.dumps({**GREEDY, "stream": True})
    lines = subprocess.run([path, "-sSN", "-d", body, root + "/v1/chat/completions"],
                           capture_output=True, text=True, check=True).stdout.split("\n\n")
    assert lines[-2:] == ["data: [DONE]", ""] and all(line.startswith("data: {") for line in lines[:-2])


def metrics(server, client):
    long = {**GREEDY, "messages": [{"role": "user", "content": "What is 3 + 4? " * 20}], "max_tokens": 2}
    cold, warm = (client.chat.completions.create(**long) for _ in range(2))
    assert cold.usage.prompt_tokens_details.cached_tokens == 0
    assert warm.usage.prompt_tokens_details.cached_tokens > 64
    assert warm.choices[0].message.content == cold.choices[0].message.content
    before = server.figure("swift_generation_tokens_total")
    usage = client.chat.completions.create(**GREEDY).usage
    server.settle()
    assert server.figure("swift_generation_tokens_total") == before + usage.completion_tokens
    text = urllib.request.urlopen(server.root + "/metrics").read().decode()
    families = {f.name: f for f in prometheus_client.parser.text_string_to_metric_families(text)}
    for prefix in ("swift_", "vllm:"):
        ends = {s.labels["finished_reason"]: s.value for s in families[prefix + "request_success"].samples}
        latency = families[prefix + "e2e_request_latency_seconds"].samples
        assert sum(ends.values()) == next(s.value for s in latency if s.name.endswith("_count"))
        assert ends["error"] == 0 and ends["stop"] > 0 and ends["length"] > 0
        assert families[prefix + "prefix_cache_hits"].samples[0].value > 0


async def retries():
    """With one place and one that may wait, most of ten at once are refused; asked again, all are answered."""
    with environment.deployed(program, model_folder, "--served_model_name", "demo", "--max_num_seqs", 1,
                              "--max_queue", 1, "--api_key", "key") as server:
        client = openai.AsyncOpenAI(base_url=server.root + "/v1", api_key="key", max_retries=0)
        try:
            await client.with_options(api_key="wrong").models.list()
            raise AssertionError("no error")
        except openai.AuthenticationError:
            pass
        long = {**GREEDY, "max_tokens": 60, "extra_body": {"ignore_eos": True}}
        refused = 0
        for result in await asyncio.gather(
                *(client.chat.completions.create(**long) for _ in range(10)), return_exceptions=True):
            if isinstance(result, openai.RateLimitError):
                assert result.response.headers["retry-after"] == "1"
                refused += 1
            else:
                assert result.usage.completion_tokens == 60
        assert 0 < refused <= 8, refused
        patient = client.with_options(max_retries=100)
        answers = await asyncio.gather(*(patient.chat.completions.create(**GREEDY) for _ in range(5)))
        assert len({a.choices[0].message.content for a in answers}) == 1
        await client.close()
        server.settle()


alone = subprocess.run([program, "infer", "--model", model_folder, "--prompt", QUESTION[0]["content"], "--temperature", "0",
                        "--max_new_tokens", "12"], capture_output=True, text=True, check=True).stdout.removesuffix("\n")
with environment.deployed(program, model_folder, "--served_model_name", "demo") as running:
    sync_client = openai.OpenAI(base_url=running.root + "/v1", api_key="k", max_retries=0)
    chat(sync_client, alone)
    asyncio.run(concurrent(running.root, alone))
    for check in (schemas, tools, embeddings):
        check(sync_client)
    langchain(running.root, alone)
    claude(running.root, alone)
    curl(running.root, alone)
    metrics(running, sync_client)
asyncio.run(retries())
print("openai, langchain-openai, anthropic and curl passed over the engine")
