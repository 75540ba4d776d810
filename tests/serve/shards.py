#!/usr/bin/env python3
"""shards.py: three servers in network namespaces are searched as one by a fourth. Needs root and iproute2.

Each has a third of the rows of an index. Answers have the bytes of a server with all rows. One is killed: requests get
503 with its address until it is there again. Then a link goes down, and the same must hold."""

import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

from server import Server, form, frames, make, videosim

SHARDS, PORT, TOP = 3, 8080, 7
HUB = "hub"
TOKEN = "a token of these tests".replace(" ", "-")


class Network:
    """A namespace for the hub and one for each shard. Each shard has a link to the hub and no other way out."""

    def __enter__(self):
        self.names = {name: f"videosim-{os.getpid()}-{name}" for name in (HUB, *map(str, range(SHARDS)))}
        for name in self.names.values():
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        for i in range(SHARDS):
            # Made inside the hub, so nothing outside of the namespaces ever has these links.
            run("ip", "-n", self.names[HUB], "link", "add", f"to{i}", "type", "veth", "peer", "name", "hub", "netns", self.names[str(i)])
            for name, link, end in ((HUB, f"to{i}", 1), (str(i), "hub", 2)):
                run("ip", "-n", self.names[name], "address", "add", f"10.77.{i}.{end}/24", "dev", link)
                run("ip", "-n", self.names[name], "link", "set", link, "up")
        return self

    def __exit__(self, *_):
        for name in self.names.values():
            subprocess.run(["ip", "netns", "delete", name], check=False)

    def inside(self, name):
        """The command that runs another one in a namespace."""
        return ["ip", "netns", "exec", self.names[str(name)]]

    def set_link(self, shard, state):
        run("ip", "-n", self.names[HUB], "link", "set", f"to{shard}", state)


def run(*command):
    subprocess.run(command, check=True)


def ask(network, address, *arguments):
    """(status, body) of a request from the hub."""
    done = subprocess.run([*network.inside(HUB), "curl", "-s", "-w", "\n%{http_code}", *arguments, "--url", address], check=True, capture_output=True, text=True)
    body, status = done.stdout.rsplit("\n", 1)
    return int(status), body


def split(folder):
    """An index of each third of the rows of folder/a.zip and folder/b.zip, and one of all rows."""
    rows = {}
    for part in ("a", "b"):
        with zipfile.ZipFile(folder / f"{part}.zip") as archive:
            rows |= json.loads(archive.read("result.json"))
    ids = list(rows)
    for name, some in [(str(i), ids[i::SHARDS]) for i in range(SHARDS)] + [("all", ids)]:
        (folder / f"{name}.json").write_text(json.dumps({one: rows[one] for one in some}))
        videosim("index", "build", "--embeddings", folder / f"{name}.json", "--records", folder / "data" / "test_a", folder / "data" / "test_b", "--output", folder / f"{name}.index")
    return ids


def compare(network, ids, whole, joined, video):
    for one in ids[::37]:
        for path in (f"/search?id={one}&top={TOP}", f"/embed?id={one}", f"/similarity?id_a={one}&id_b={ids[0]}"):
            expect(ask(network, joined + path, "-H", f"Authorization: Bearer {TOKEN}"), ask(network, whole + path, "-H", f"Authorization: Bearer {TOKEN}"), path)
    arguments = ["-H", f"Authorization: Bearer {TOKEN}", "-F", f"frames=@{video}", "-F", "title=a video"]
    expect(ask(network, f"{joined}/search?top={TOP}", *arguments), ask(network, f"{whole}/search?top={TOP}", *arguments), "a new video")


def expect(actual, expected, what):
    if actual != expected:
        sys.exit(f"{what}: {actual} instead of {expected}")


def refused(network, address, shard):
    status, body = ask(network, address, "-H", f"Authorization: Bearer {TOKEN}")
    if status != 503 or f"shard http://10.77.{shard}.2:{PORT}/ does not answer" not in json.loads(body)["error"]:
        sys.exit(f"{address}: {status} {body}")
    return json.loads(body)["error"]


def main():
    environment = os.environ | {"VIDEOSIM_SERVE_TOKEN": TOKEN}
    with tempfile.TemporaryDirectory() as work, Network() as network:
        folder = Path(work)
        make(folder, videos=100)
        ids = split(folder)
        video = folder / "new.npy"
        video.write_bytes(frames(1, 5))

        def serve(name, index, listen):
            return Server("--index", folder / f"{index}.index", before=network.inside(name), listen=listen, environment=environment)

        shards = [serve(i, i, f"10.77.{i}.2:{PORT}") for i in range(SHARDS)]
        urls = [f"http://10.77.{i}.2:{PORT}" for i in range(SHARDS)]
        try:
            with Server("--index", folder / "all.index", "--checkpoint", folder / "mix", before=network.inside(HUB), environment=environment) as whole, \
                    Server("--shards", *urls, "--checkpoint", folder / "mix", before=network.inside(HUB), environment=environment) as joined:
                compare(network, ids, whole.address, joined.address, video)
                print(f"{SHARDS} shards give the answers of one index of {len(ids)} videos")
                path = f"{joined.address}/search?id={ids[0]}"
                for shard in range(SHARDS):
                    with shards[shard]:  # is killed
                        pass
                    print(f"killed: {refused(network, path, shard)}")
                    shards[shard] = serve(shard, shard, f"10.77.{shard}.2:{PORT}")
                    compare(network, ids[:1], whole.address, joined.address, video)
                network.set_link(1, "down")
                begin = time.monotonic()
                print(f"no link: {refused(network, path, 1)}, after {time.monotonic() - begin:.1f} s")
                network.set_link(1, "up")
                compare(network, ids, whole.address, joined.address, video)
                print("all are there again: the answers are those of one index")
        finally:
            for shard in shards:
                with shard:
                    pass


if __name__ == "__main__":
    main()
