#!/usr/bin/env python3
"""check.py RUN/tensorboard...: checks the event files of runs that were made with --report-to tensorboard.

The framing and its checksums are read here, and Debian's protoc decodes the records by event.proto beside this file.
No code of VideoSim is used. Files are joined as TensorBoard joins them. The values must then be those of
metrics.jsonl, and the hyper-parameters those of args.json. A record may be torn only at the end of a file.
"""

import json
import re
import struct
import subprocess
import sys
from pathlib import Path

TABLE = []
for byte in range(256):
    for _ in range(8):
        byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)  # CRC-32C, reflected
    TABLE.append(byte)


def masked_crc(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xFF]
    crc ^= 0xFFFFFFFF
    return (crc >> 15 | crc << 17) + 0xA282EAD8 & 0xFFFFFFFF


def records(file: Path) -> list[bytes]:
    data, found, at = file.read_bytes(), [], 0
    while at + 12 <= len(data):
        length, crc = struct.unpack_from("<QI", data, at)
        assert crc == masked_crc(data[at:at + 8]), f"{file}: byte {at}: wrong checksum of a length"
        if at + 16 + length > len(data):
            break
        payload = data[at + 12:at + 12 + length]
        (crc,) = struct.unpack_from("<I", data, at + 12 + length)
        assert crc == masked_crc(payload), f"{file}: byte {at}: wrong checksum of a record"
        found.append(payload)
        at += 16 + length
    return found


def varint(value: int) -> bytes:
    low = b""
    while value > 127:
        low += bytes([value & 127 | 128])
        value >>= 7
    return low + bytes([value])


def decode(file: Path) -> list:
    """The events of a file, each a list of (name, text or list)."""
    joined = b"".join(b"\x0a" + varint(len(record)) + record for record in records(file))
    here = Path(__file__).parent
    text = subprocess.run(["protoc", "--decode=Events", f"-I{here}", "event.proto"], input=joined, stdout=subprocess.PIPE, check=True).stdout.decode()
    stack = [[]]
    for line in text.splitlines():
        line = line.strip()
        if line.endswith(" {"):
            inner = []
            stack[-1].append((line[:-2], inner))
            stack.append(inner)
        elif line == "}":
            stack.pop()
        else:
            name, value = line.split(": ", 1)
            assert not name.isdigit(), f"{file}: protoc does not know field {name}"
            stack[-1].append((name, value.strip('"')))
    return [event for _, event in stack[0]]


def get(message: list, *names: str):
    for name in names:
        message = next((value for key, value in message if key == name), [])
    return message


def all_of(message: list, name: str) -> list:
    return [value for key, value in message if key == name]


def single(value: float) -> float:
    return struct.unpack("<f", struct.pack("<f", value))[0]


def flat(prefix: str, values: dict) -> dict:
    found = {}
    for key, value in values.items():
        found |= flat(f"{prefix}{key}.", value) if isinstance(value, dict) else {prefix + key: value}
    return found


def check(run: Path) -> str:
    files = sorted((run / "tensorboard").iterdir(), key=lambda file: file.name)
    arguments = json.loads((run / "args.json").read_text())
    scalars, names, ended = [], {}, False
    for number, file in enumerate(files):
        first, start, *rest = decode(file)
        assert get(first, "file_version") == "brain.Event:2", f"{file}: its first event is {first}"
        assert get(start, "session_log", "status") == "1", f"{file}: its second event is {start}"
        valid_from = int(get(start, "step") or 0)
        assert number > 0 or valid_from == 0, f"{file}: the first session begins at step {valid_from}"
        scalars = [scalar for scalar in scalars if scalar[0] < valid_from]
        for event in rest:
            assert 1.6e9 < float(get(event, "wall_time")) < 4e9
            for value in all_of(get(event, "summary"), "value"):
                tag, data = get(value, "tag"), get(value, "metadata", "plugin_data", "content")
                if get(value, "simple_value"):
                    scalars.append((int(get(event, "step") or 0), tag, single(float(get(value, "simple_value")))))
                elif tag == "configuration":
                    assert get(value, "metadata", "plugin_data", "plugin_name") == "text" and get(value, "tensor", "dtype") == "7"
                    text = get(value, "tensor", "string_val").encode().decode("unicode_escape").encode("latin1").decode()
                    assert json.loads(text) == arguments, f"{file}: the configuration is not args.json"
                elif tag == "_hparams_/session_start_info":
                    for entry in all_of(get(data, "session_start_info"), "hparams"):
                        names[get(entry, "key")] = get(entry, "value")
                elif tag == "_hparams_/experiment":
                    listed = {get(info, "name") for info in all_of(get(data, "experiment"), "hparam_infos")}
                    tags = {get(info, "name", "tag") for info in all_of(get(data, "experiment"), "metric_infos")}
                    assert "validation/spearman" in tags
                elif tag == "_hparams_/session_end_info":
                    ended = get(data, "session_end_info", "status") == "1"
                else:
                    raise AssertionError(f"{file}: unknown tag {tag}")

    expected = []
    for line in (run / "metrics.jsonl").read_text().splitlines():
        line = json.loads(line)
        group = "train" if "loss" in line else "validation" if "val_spearman" in line else None
        for key, value in line.items():
            if group and key != "step":
                expected.append((line["step"], f"{group}/{re.sub('^val_', '', key)}", single(value)))
    assert sorted(scalars) == sorted(expected), f"{run}: values differ from metrics.jsonl, such as {sorted(set(scalars) ^ set(expected))[:3]}"

    recipe = flat("", arguments[arguments["command"]]) | {key: arguments[key] for key in ("preset", "seed")}
    assert names.keys() == listed == {key for key, value in recipe.items() if not isinstance(value, list) and value is not None}, f"{run}: hyper-parameters {sorted(names)}"
    for key, value in names.items():
        ((kind, text),) = value
        number = {"number_value": float, "string_value": str, "bool_value": lambda text: text == "true"}[kind](text)
        assert number == recipe[key], f"{run}: {key} is {text} and not {recipe[key]}"
    assert ended, f"{run}: the last session has no end"
    return f"{run.parent.name}/{run.name}: {len(files)} event files, {len(scalars)} values, {len(names)} hyper-parameters"


for folder in sys.argv[1:]:
    print(check(Path(folder).absolute().parent))
