"""openai's own client against the server: sync, async, streams, tools, parsing, embeddings, errors, retries."""

import asyncio
import threading
import time

import environment

program = environment.enter()

import openai
import pydantic

HELLO = [{"role": "user", "content": "hello"}]
TOOLS = [{
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}]


class Person(pydantic.BaseModel):
    name: str
    age: int


def ask(text):
    return [{"role": "user", "content": text}]


def chat(client):
    answer = client.chat.completions.create(model="tiny", messages=HELLO)
    assert answer.choices[0].message.content == "Hello wörld"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 12
    with_logprobs = client.chat.completions.create(model="tiny", messages=HELLO, logprobs=True, top_logprobs=2)
    tokens = with_logprobs.choices[0].logprobs.content
    assert bytes(b for t in tokens for b in t.bytes).decode() == "Hello wörld"
    assert len(tokens[0].top_logprobs) == 2
    assert [m.id for m in client.models.list()] == ["tiny"]


def stream(client):
    chunks = list(client.chat.completions.create(
        model="tiny", messages=HELLO, stream=True, stream_options={"include_usage": True}))
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "Hello wörld"
    assert chunks[-1].usage.completion_tokens == 12
    try:
        list(client.chat.completions.create(model="tiny", messages=ask("fail"), stream=True))
        raise AssertionError("no error")
    except openai.APIError as error:
        assert "out of key/value blocks" in str(error)


def tools(client):
    message = client.chat.completions.create(model="tiny", messages=ask("two calls"), tools=TOOLS).choices[0].message
    assert [c.function.arguments for c in message.tool_calls] == ['{"city": "Paris"}'] * 2
    assert len({c.id for c in message.tool_calls}) == 2
    with client.chat.completions.stream(model="tiny", messages=ask("weather"), tools=TOOLS) as events:
        for _ in events:
            pass
        final = events.get_final_completion().choices[0]
    assert final.finish_reason == "tool_calls"
    assert final.message.tool_calls[0].function.name == "get_weather"
    assert final.message.tool_calls[0].function.arguments == '{"city": "Paris"}'
    forced = client.chat.completions.create(
        model="tiny", messages=ask("calls"), tools=TOOLS, tool_choice="required").choices[0].message
    assert forced.tool_calls[0].function.arguments == '{"city": "Paris"}'


def parse(client):
    answer = client.chat.completions.parse(model="tiny", messages=ask("json"), response_format=Person)
    assert answer.choices[0].message.parsed == Person(name="Ada", age=36)
    response = client.responses.parse(model="tiny", input="json", text_format=Person)
    assert response.output_parsed == Person(name="Ada", age=36)


def responses(client):
    answer = client.responses.create(model="tiny", input="hello")
    assert answer.output_text == "Hello wörld"
    with client.responses.stream(model="tiny", input="think") as events:
        kinds = [event.type for event in events]
        final = events.get_final_response()
    assert "response.reasoning_text.delta" in kinds
    assert final.output_text == "42"
    assert final.output[0].type == "reasoning"


def others(client):
    completion = client.completions.create(model="tiny", prompt=["a", "b"], n=2, max_tokens=100)
    assert [c.text for c in completion.choices] == ["You said: a"] * 2 + ["You said: b"] * 2
    vectors = client.embeddings.create(model="tiny", input=["abc", "d"])  # asks for base64
    assert [list(v.embedding) for v in vectors.data] == [[3.0, 0.5, -1.0, 2.0], [1.0, 0.5, -1.0, 2.0]]


def faults(client):
    for kind, arguments in [
        (openai.BadRequestError, {"temperature": 3}),
        (openai.NotFoundError, {"model": "nobody"}),
        (openai.BadRequestError, {"extra_body": {"guided_json": {}}}),
    ]:
        try:
            client.chat.completions.create(**{"model": "tiny", "messages": HELLO, **arguments})
            raise AssertionError(f"no error for {arguments}")
        except kind as error:
            assert error.body["message"], error.body


async def concurrent(address):
    client = openai.AsyncOpenAI(base_url=address + "/v1", api_key="k")
    answers = await asyncio.gather(
        *(client.chat.completions.create(model="tiny", messages=ask(f"number {i}")) for i in range(40)))
    assert [a.choices[0].message.content for a in answers] == [f"You said: number {i}" for i in range(40)]
    text = ""
    async for chunk in await client.chat.completions.create(model="tiny", messages=HELLO, stream=True):
        text += chunk.choices[0].delta.content or ""
    assert text == "Hello wörld"
    await client.close()


def retries():
    """With room for one request, the second is refused until the first is done; the client asks again."""
    with environment.running(program, 1, "key") as address:
        try:
            openai.OpenAI(base_url=address + "/v1", api_key="wrong", max_retries=0).models.list()
            raise AssertionError("no error")
        except openai.AuthenticationError:
            pass
        client = openai.OpenAI(base_url=address + "/v1", api_key="key", max_retries=20)
        slow = client.chat.completions.create(model="tiny", messages=ask("slow"), stream=True)
        reading = threading.Thread(target=lambda: list(slow))
        reading.start()
        time.sleep(0.1)
        try:
            client.with_options(max_retries=0).chat.completions.create(model="tiny", messages=HELLO)
        except openai.RateLimitError as error:
            assert error.response.headers["retry-after"] == "1"
        assert client.chat.completions.create(model="tiny", messages=HELLO).choices[0].finish_reason == "stop"
        reading.join()


with environment.running(program) as root:
    sync_client = openai.OpenAI(base_url=root + "/v1", api_key="k", max_retries=0)
    for check in (chat, stream, tools, parse, responses, others, faults):
        check(sync_client)
    asyncio.run(concurrent(root))
retries()
print("openai", openai.__version__, "passed")
