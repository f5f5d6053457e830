"""Hundreds of streams at once against swift deploy: random cancels, slow readers, malformed requests, bad values.

usage: load.py ENVIRONMENT SWIFT MODEL [SECONDS [STREAMS]]
Half of the clients are steady: they ask for answers of one shape and read them at once. The others misbehave. At the
end nothing may be open, every block of the cache is free, and after a minute or more memory no longer grows and the
steady clients were served alike. Prints what happened and how fair it was.
"""

import asyncio
import json
import pathlib
import random
import statistics
import sys
import time

import environment

program = environment.enter()
model = sys.argv[3]
seconds = float(sys.argv[4]) if len(sys.argv) > 4 else 120
streams = int(sys.argv[5]) if len(sys.argv) > 5 else 200
LENGTH = 24  # tokens of a steady answer

counts = {}
served = {}  # tokens of each steady client
first_tokens = []  # seconds
open_now, most_open = 0, 0


def count(what):
    counts[what] = counts.get(what, 0) + 1


def post(path, body):
    head = f"POST {path} HTTP/1.1\r\nHost: t\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def chat(text, **more):
    body = {"messages": [{"role": "user", "content": text}], "stream": True, **more}
    return post("/v1/chat/completions", json.dumps(body).encode())


def schema_bomb():
    """Ten definitions of which each asks for ten of the next: no answer ends, but each piece of one is valid."""
    definitions = {f"d{i}": {"type": "object", "properties": {f"p{j}": {"$ref": f"#/$defs/d{i + 1}"} for j in range(10)},
                             "required": [f"p{j}" for j in range(10)]} for i in range(10)}
    definitions["d10"] = {"type": "string", "pattern": "(a|b)*c{500}"}
    return {"$defs": definitions, "$ref": "#/$defs/d0"}


# What is no HTTP, or ends too early: the answer, if there is one, does not matter.
JUNK = [b"\x00\xff\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET " + b"x" * 70000 + b" HTTP/1.1\r\n\r\n",
        b"POST /v1/completions HTTP/1.1\r\nContent-Length: 9\r\n\r\n{\"a\":",
        b"POST /v1/completions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /v1/completions HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n",
        b"GET /health HTTP/1.1\r\n" + b"A: b\r\n" * 20000 + b"\r\n"]
# What is HTTP, and must be refused with the request's own fault.
REFUSED = [
    post("/v1/completions", b"{\"prompt\": \"\xff\xfe\"}"), post("/v1/completions", b"[" * 100000),
    post("/v1/completions", b"{\"prompt\":" * 300), post("/v1/chat/completions", b"{}"), post("/v1/nothing", b"{}"),
    chat("x", temperature=-1), chat("x", n=-1), chat("x", n=10**9), chat("x", max_tokens=-5), chat("x", top_k=-7),
    chat("x", seed="x"), chat("x", logit_bias={"-1": 5}), chat("x", model="nobody"), chat("x " * 3000),
    chat("x", max_tokens=10**6), chat("x", stop=[""]),
    chat("x", structured_outputs={"regex": "(((a{1000}){1000}){1000})"}), chat("x", structured_outputs={"regex": "("}),
    chat("x", chat_template="{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"),
    post("/v1/completions", json.dumps({"prompt": [[10**9]]}).encode()),
    post("/v1/load_lora_adapter", json.dumps({"lora_name": "a", "lora_path": "/nowhere"}).encode()),
]


async def read_until(reader, ends, pause=0.0, size=65536):
    """The answer up to one of the texts; empty when the connection ended before."""
    text = b""
    while not any(end in text for end in ends):
        piece = await reader.read(size)
        if not piece:
            return b""
        text += piece
        if pause:
            await asyncio.sleep(pause)
    return text


async def steady(reader, writer, name):
    # Prompt and answer need a second block of the cache, which holds fewer than the batch: answers give way.
    asked = f"What is {name} + 4? Say it in one number, and add nothing to it, neither a word nor a full stop."
    writer.write(chat(asked, max_tokens=LENGTH, ignore_eos=True))
    start = time.monotonic()
    text = b""
    while b"data: [DONE]" not in text:
        piece = await reader.read(65536)
        assert piece, f"the stream ended early: {text[-300:]}"
        if not text:
            if b" 429 " in piece[:30]:
                count("refused with 429")
                return await asyncio.sleep(0.2)
            assert b" 200 OK" in piece[:30], piece
        if b'"finish_reason":null' in piece and b'"content":""' not in piece and text.count(b"data:") < 3:
            first_tokens.append(time.monotonic() - start)
        text += piece
    assert b'"error"' not in text, text[-500:]
    served[name] += LENGTH
    count("steady")


async def trouble(reader, writer, chance):
    kind = chance.choice(["junk", "junk", "refused", "refused", "cancel", "cancel", "slow", "many", "constrained", "embed"])
    if kind == "junk":
        writer.write(chance.choice(JUNK))
        await asyncio.sleep(chance.random() * 0.2)
    elif kind == "refused":
        writer.write(chance.choice(REFUSED))
        head = await read_until(reader, [b"\r\n\r\n"])
        assert head[9:10] == b"4", head
    elif kind == "cancel":
        writer.write(chat("Say something long.", max_tokens=200, n=chance.randint(1, 4), temperature=1,
                          stream=chance.random() < 0.8))
        await asyncio.sleep(chance.random())
    elif kind == "slow":
        writer.write(chat("Tell me.", max_tokens=40, ignore_eos=True, logprobs=True, top_logprobs=20))
        await read_until(reader, [b"data: [DONE]", b" 429 "], pause=0.01, size=2048)
    elif kind == "many":
        writer.write(chat("Several.", n=chance.randint(2, 16), temperature=1, max_tokens=8))
        await read_until(reader, [b"data: [DONE]", b" 429 "])
    elif kind == "constrained":
        form = chance.choice([{"regex": "[0-9]{4}-[0-9]{2}-[0-9]{2}"}, {"json": schema_bomb()}])
        writer.write(chat("A date.", structured_outputs=form, temperature=1, max_tokens=20))
        await read_until(reader, [b"data: [DONE]", b" 429 "])
    else:
        writer.write(post("/v1/embeddings", json.dumps({"input": ["some text"] * chance.randint(1, 20)}).encode()))
        head = await read_until(reader, [b"\r\n\r\n"])
        assert b" 200 OK" in head, head
    count(kind)


async def user(port, number, end):
    global open_now, most_open
    chance = random.Random(number)
    if number % 2 == 0:
        served[number] = 0
    while time.monotonic() < end:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        open_now += 1
        most_open = max(most_open, open_now)
        try:
            await (steady(reader, writer, number) if number % 2 == 0 else trouble(reader, writer, chance))
        except (ConnectionResetError, BrokenPipeError):
            assert number % 2, "a steady client was cut off"
            count("reset")
        finally:
            open_now -= 1
            writer.close()


def resident(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


async def memory(pid, start, samples):
    while True:
        samples.append((time.monotonic() - start, resident(pid)))
        await asyncio.sleep(0.25)


async def load(server):
    start = time.monotonic()
    samples = []
    watching = asyncio.create_task(memory(server.pid, start, samples))
    await asyncio.gather(*(user(server.port, number, start + seconds) for number in range(streams)))
    watching.cancel()
    tenths = [[size for at, size in samples if min(9, int(at / seconds * 10)) == part] for part in range(10)]
    return [statistics.median(tenth) if tenth else 0 for tenth in tenths], max(size for _, size in samples)


def fairness():
    """Jain's index of the steady clients' tokens, 1 when all got the same, and the least over the mean."""
    tokens = list(served.values())
    mean = sum(tokens) / len(tokens)
    return mean * sum(tokens) / sum(t * t for t in tokens), min(tokens) / mean


def at(share):
    return sorted(first_tokens)[int(share * (len(first_tokens) - 1))]


with environment.deployed(program, model, "--served_model_name", "demo", "--kv_cache_memory", 0.008, "--verbose", "false",
                          "--max_queue", 300) as server:
    resident_sizes, peak = asyncio.run(load(server))
    early, late = max(resident_sizes[2:6]), max(resident_sizes[7:])
    server.settle()
    print(f"{counts}; at most {most_open} open at once")
    print(f"{server.figure('swift_generation_tokens_total'):.0f} tokens, "
          f"{server.figure('swift_num_preemptions_total'):.0f} preemptions; "
          f"MiB resident in each tenth (median): {' '.join(f'{size:.0f}' for size in resident_sizes)}, at most {peak:.0f}")
    index, least = fairness()
    print(f"fairness: Jain's index {index:.4f}, least served {least:.2f} of the mean; "
          f"first token after {at(0.5):.2f} s (median), {at(0.95):.2f} s (95 %), {at(1):.2f} s (most)")
    assert min(served.values()) > 0, "a steady client was never served"
    if seconds >= 60:  # a shorter run is all warm-up
        assert late < early * 1.05 + 16, f"memory grew from {early:.0f} to {late:.0f} MiB"
        assert index > 0.9, index
    faults = [line for line in server.log if line.startswith("error")]
    assert not faults, faults[:5]
