"""LangChain's ChatOpenAI, anthropic's client, prometheus_client and curl against the server."""

import json
import shutil
import ssl
import subprocess
import tempfile
import urllib.request

import environment

program = environment.enter()

import anthropic
import langchain_openai
import openai
import prometheus_client.parser
from langchain_core.tools import tool


@tool
def get_weather(city: str) -> str:
    """The weather of a city."""
    return f"sun in {city}"


def langchain(root):
    model = langchain_openai.ChatOpenAI(base_url=root + "/v1", api_key="k", model="tiny")
    answer = model.invoke("hello")
    assert answer.content == "Hello wörld"
    assert answer.usage_metadata["output_tokens"] == 12
    assert "".join(chunk.content for chunk in model.stream("hello")) == "Hello wörld"
    bound = model.bind_tools([get_weather])
    assert bound.invoke("weather").tool_calls[0]["args"] == {"city": "Paris"}
    whole = None
    for chunk in bound.stream("two calls"):
        whole = chunk if whole is None else whole + chunk
    assert [c["args"] for c in whole.tool_calls] == [{"city": "Paris"}] * 2
    vectors = langchain_openai.OpenAIEmbeddings(
        base_url=root + "/v1", api_key="k", model="tiny", check_embedding_ctx_length=False)
    assert vectors.embed_query("abc") == [3.0, 0.5, -1.0, 2.0]


def claude(root):
    client = anthropic.Anthropic(base_url=root, api_key="k", max_retries=0)
    question = [{"role": "user", "content": "hello"}]
    answer = client.messages.create(model="tiny", max_tokens=100, messages=question)
    assert answer.content[0].text == "Hello wörld"
    tools = [{"name": "get_weather", "input_schema": {"type": "object"}}]
    asked = [{"role": "user", "content": "weather"}]
    with client.messages.stream(model="tiny", max_tokens=100, messages=asked, tools=tools) as events:
        for _ in events:
            pass
        final = events.get_final_message()
    assert final.stop_reason == "tool_use"
    assert final.content[1].input == {"city": "Paris"}
    assert client.messages.count_tokens(model="tiny", messages=question).input_tokens == 23
    try:
        client.messages.create(model="nobody", max_tokens=1, messages=question)
        raise AssertionError("no error")
    except anthropic.NotFoundError:
        pass


def metrics(root):
    text = urllib.request.urlopen(root + "/metrics").read().decode()
    families = {f.name: f for f in prometheus_client.parser.text_string_to_metric_families(text)}
    for prefix in ("swift_", "vllm:"):
        assert families[prefix + "num_requests_waiting"].samples[0].value == 3
        buckets = [s for s in families[prefix + "time_to_first_token_seconds"].samples if s.name.endswith("_bucket")]
        counts = [s.value for s in buckets]
        assert counts == sorted(counts) and buckets[-1].labels["le"] == "+Inf"


def curl(root):
    program_path = shutil.which("curl")
    if program_path is None:
        print("no curl here")
        return
    body = json.dumps({"messages": [{"role": "user", "content": "hello"}], "pad": "x" * 5000})
    for extra in ([], ["-H", "Expect: 100-continue"], ["--http1.0"]):
        out = subprocess.run([program_path, "-sS", *extra, "-d", body, root + "/v1/chat/completions"],
                             capture_output=True, text=True, check=True).stdout
        assert json.loads(out)["choices"][0]["message"]["content"] == "Hello wörld"


def tls():
    openssl = shutil.which("openssl")
    if openssl is None:
        print("no openssl here")
        return
    with tempfile.TemporaryDirectory() as folder:
        certificate, key = folder + "/cert.pem", folder + "/key.pem"
        subprocess.run([openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
                       check=True, capture_output=True)
        with environment.running(program, 10, "key", certificate, key) as plain:
            trusted = ssl.create_default_context(cafile=certificate)
            root = plain.replace("http:", "https:")
            client = openai.OpenAI(base_url=root + "/v1", api_key="key", max_retries=0,
                                   http_client=openai.DefaultHttpxClient(verify=trusted))
            stream = client.chat.completions.create(
                model="tiny", messages=[{"role": "user", "content": "hello"}], stream=True)
            assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == "Hello wörld"
            client.close()


with environment.running(program) as address:
    langchain(address)
    claude(address)
    metrics(address)
    curl(address)
tls()
print("langchain-openai, anthropic", anthropic.__version__, "and prometheus_client passed")
