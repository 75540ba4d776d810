#!/usr/bin/env python3
"""load.py [--each N]: 64 clients on the loopback address ask 'videosim serve' N times each: about 60 s by default.

Most ask for videos of the index, every eighth request has the frames and the title of a new one. Every answer has to
have the bytes of 'videosim search'. The 99th percentile of the times of each of the two kinds may be 5 times its
median, and the server's memory at the end 5 % more than after a quarter of the requests. A signal then ends the server
with exit code 0."""

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from server import Server, form, frames, lines_of, make, videosim

CLIENTS, NEW_VIDEOS, NEW_EVERY, TOP = 64, 8, 8, 10
MOST_SPREAD, MOST_GROWTH = 5, 1.05


class WrongAnswer(Exception):
    """An answer is not that of the command."""


def requests_of(folder):
    """(request, expected answer) of every video of the index, and of some new ones."""
    indexes = ["--index", folder / "a.index", folder / "b.index", "--top", TOP, "--json"]
    known = []
    for part in ("a", "b"):
        ids = (folder / f"{part}.index" / "ids.txt").read_text().splitlines()
        answers = lines_of(videosim("search", "--vectors", folder / f"{part}.zip", *indexes))
        known += [(get(f"/search?id={one}&top={TOP}"), answer) for one, answer in zip(ids, answers, strict=True)]
    new = []
    for i in range(NEW_VIDEOS):
        content, title = frames(i, 1 + i), f"video {i} 海"
        (folder / "new.npy").write_bytes(content)
        (answer,) = lines_of(videosim("search", "--checkpoint", folder / "mix", "--frames", folder / "new.npy", "--title", title, *indexes))
        new.append((post(f"/search?top={TOP}", *form(content, title)), answer))
    return known, new


def get(path):
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def post(path, kind, body):
    return f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


async def client(port, number, each, known, new, times):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for i in range(each):
        place = number * each + i
        is_new = place % NEW_EVERY == 0
        request, expected = new[place // NEW_EVERY % len(new)] if is_new else known[place * 7919 % len(known)]
        begin = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        answer = await reader.readexactly(length)
        times.append((is_new, time.perf_counter() - begin))
        if not head.startswith(b"HTTP/1.1 200 ") or answer != expected:
            raise WrongAnswer(f"wrong answer to {request[:200]}:\n{head.decode()}{answer.decode()}expected:\n{expected.decode()}")
    writer.close()


async def memory_after(server, count, times):
    while len(times) < count:
        await asyncio.sleep(0.05)
    return server.memory()


async def load(server, each, known, new):
    times, port = [], int(server.address.rsplit(":", 1)[1])
    early = asyncio.create_task(memory_after(server, CLIENTS * each // 4, times))
    begin = time.monotonic()
    async with asyncio.TaskGroup() as clients:
        for number in range(CLIENTS):
            clients.create_task(client(port, number, each, known, new, times))
    return times, time.monotonic() - begin, await early, server.memory()


def spread(name, times):
    """How many times the median the 99th percentile is; printed."""
    median, tail = statistics.median(times), statistics.quantiles(times, n=100)[98]
    print(f"{name}: median {1000 * median:.1f} ms, 99 % within {1000 * tail:.1f} ms ({tail / median:.2f} times), slowest {1000 * max(times):.1f} ms")
    return tail / median


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--each", type=int, default=7500)
    each = options.parse_args().each
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        make(folder, videos=1000)
        known, new = requests_of(folder)
        with Server("--index", folder / "a.index", folder / "b.index", "--checkpoint", folder / "mix") as server:
            times, seconds, early, late = asyncio.run(load(server, each, known, new))
            code, stop = server.stop()
    print(f"{len(times)} requests of {CLIENTS} clients in {seconds:.1f} s, {len(times) / seconds:.0f}/s, all answers right")
    spreads = [spread(name, [one for is_new, one in times if is_new == kind]) for name, kind in (("an id", False), ("a new video", True))]
    print(f"memory after a quarter {early / 1e6:.1f} MB, at the end {late / 1e6:.1f} MB ({late / early:.3f} times); stopped in {stop:.2f} s with exit code {code}")
    if max(spreads) > MOST_SPREAD or late > MOST_GROWTH * early or code != 0:
        raise SystemExit("beyond a limit")


if __name__ == "__main__":
    main()
