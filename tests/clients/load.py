"""Hundreds of streams at once for a while: random cancels, slow readers, malformed requests.

usage: load.py ENVIRONMENT FAKE_SERVER [SECONDS [STREAMS]]
At the end nothing may be open, the server must answer, and its memory must not have grown since the first quarter.
"""

import asyncio
import json
import pathlib
import random
import sys
import time
import urllib.request

import environment

program = environment.enter()
seconds = float(sys.argv[3]) if len(sys.argv) > 3 else 120
streams = int(sys.argv[4]) if len(sys.argv) > 4 else 200
counts = {"complete": 0, "cancelled": 0, "malformed": 0, "slow": 0}


def request(text, **more):
    body = json.dumps({"messages": [{"role": "user", "content": text}], "stream": True, **more}).encode()
    return b"POST /v1/chat/completions HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n" % len(body) + body


async def one(port, chance):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        kind = chance.random()
        if kind < 0.1:
            junk = [b"\x00\xff\r\n\r\n", b"POST /v1/completions HTTP/1.1\r\nContent-Length: 9\r\n\r\n{\"a\":",
                    b"GET " + b"x" * 70000 + b" HTTP/1.1\r\n\r\n", request("x", temperature=-1)]
            writer.write(chance.choice(junk))
            await asyncio.sleep(chance.random() * 0.2)
            counts["malformed"] += 1
            return
        writer.write(request(chance.choice(["slow", "hello", "weather", "think"]), n=chance.randint(1, 3)))
        if kind < 0.35:
            await asyncio.sleep(chance.random())
            counts["cancelled"] += 1
            return
        text = b""
        while b"data: [DONE]" not in text:
            piece = await reader.read(64 if kind < 0.45 else 65536)
            assert piece, f"the stream ended early: {text[-200:]}"
            text = (text + piece)[-4096:]
            if kind < 0.45:
                await asyncio.sleep(0.01)
        counts["slow" if kind < 0.45 else "complete"] += 1
    finally:
        writer.close()


async def user(port, number, end):
    chance = random.Random(number)
    while time.monotonic() < end:
        await one(port, chance)


def resident(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


async def memory(pid, start, samples):
    while True:
        samples.append((time.monotonic() - start, resident(pid)))
        await asyncio.sleep(0.5)


async def load(port, pid):
    start = time.monotonic()
    samples = []
    watching = asyncio.create_task(memory(pid, start, samples))
    await asyncio.gather(*(user(port, number, start + seconds) for number in range(streams)))
    watching.cancel()
    early = max(size for at, size in samples if at < seconds / 4)
    late = max(size for at, size in samples if at > seconds * 3 / 4)
    return early, late


with environment.running(program, 100000) as root:
    pid = environment.last_pid()
    early, late = asyncio.run(load(int(root.rsplit(":", 1)[1]), pid))
    running = None
    for _ in range(100):
        text = urllib.request.urlopen(root + "/metrics").read().decode()
        running = next(line for line in text.splitlines() if line.startswith("swift_num_requests_running{"))
        if running.endswith(" 0"):
            break
        time.sleep(0.1)
    assert running.endswith(" 0"), running
    assert late < early + 20, f"memory grew from {early:.0f} to {late:.0f} MiB"
print(f"{counts}; memory {early:.0f} MiB early, {late:.0f} MiB late")
