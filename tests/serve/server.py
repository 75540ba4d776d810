"""A small model, indexes and servers for the scripts in this folder."""

import json
import re
import struct
import subprocess
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "src/Cli/bin/Release/net10.0/videosim"
FRAME_WIDTH = 1536


def videosim(*arguments):
    """Runs a command and returns its standard output."""
    return subprocess.run([PROGRAM, *map(str, arguments), "--quiet"], check=True, capture_output=True, text=True).stdout


def make(folder, videos):
    """A model, and an index with titles of each test part of a dataset, in `folder`."""
    data, model = folder / "data", folder / "mix"
    videosim("data", "synth", "--output-dir", data, "--seed", 1, "--videos", 80, "--pairs", 66, "--pair-videos", 24, "--test-videos", videos, "--tags", 48)
    videosim("pretrain", "--model", "mix", "--preset", "micro", "--data", data, "--output-dir", model)
    for part in ("a", "b"):
        videosim("embed", "--checkpoint", model, "--records", data / f"test_{part}", "--output", folder / f"{part}.zip")
        videosim("index", "build", "--embeddings", folder / f"{part}.zip", "--records", data / f"test_{part}", "--output", folder / f"{part}.index")


def frames(seed, count):
    """The bytes of a .npy file of float16, from a small generator of numbers."""
    values = []
    for _ in range(count * FRAME_WIDTH):
        seed = (seed * 1103515245 + 12345) % 2**31
        values.append((seed >> 16) % 2048 / 1024 - 1)
    header = f"{{'descr': '<f2', 'fortran_order': False, 'shape': ({count}, {FRAME_WIDTH}), }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + struct.pack(f"<{len(values)}e", *values)


def form(content, title):
    """(content type, body) of a form with the frames and the title of a video."""
    mark = "b" * 20
    parts = f'--{mark}\r\nContent-Disposition: form-data; name="title"\r\n\r\n{title}\r\n--{mark}\r\nContent-Disposition: form-data; name="frames"; filename="x.npy"\r\n\r\n'
    return f"multipart/form-data; boundary={mark}", parts.encode() + content + f"\r\n--{mark}--\r\n".encode()


class Server:
    """A running 'videosim serve'. Ends with the block of 'with'."""

    def __init__(self, *arguments, before=(), listen="127.0.0.1:0", environment=None):
        self.process = subprocess.Popen([*before, PROGRAM, "serve", *map(str, arguments), "--listen", listen], stderr=subprocess.PIPE, text=True, env=environment)
        line = self.process.stderr.readline()
        while line.startswith("warning: "):
            line = self.process.stderr.readline()
        found = re.match(r"(http://[^ ]+): serving", line)
        if not found:
            self.process.kill()
            raise RuntimeError(line + self.process.communicate()[1])
        self.address = found[1]

    def get(self, path):
        with urllib.request.urlopen(self.address + path) as answer:
            return answer.read()

    def memory(self):
        """The resident memory in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024

    def stop(self):
        """Ends the server as a system does; returns its exit code and the seconds that it took."""
        begin = time.monotonic()
        self.process.terminate()
        return self.process.wait(20), time.monotonic() - begin

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stderr.close()


def lines_of(text):
    """The elements of a JSON list of 'videosim search --json', each as the server writes it."""
    return [json.dumps(one, ensure_ascii=False, separators=(",", ":")).encode() + b"\n" for one in json.loads(text)]
