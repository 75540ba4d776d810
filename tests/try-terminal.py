#!/usr/bin/env python3
"""try-terminal.py [VIDEOSIM]: runs commands on a pseudo-terminal of 40 columns and looks at what is drawn.

Checks that progress and tables fit, that nothing is cut within a word, that a resize in the middle is followed, that
a training whose terminal goes away saves a checkpoint, or goes on if hangups are ignored, and that colours and control
codes appear only where they may: not with TERM=dumb, not in a pipe, no colours with NO_COLOR.
"""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import unicodedata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NARROW, WIDE = 40, 120
ESCAPE = re.compile(r"\x1b\[[0-9;]*([A-Za-z])")
KEYPAD = re.compile(rb"\x1b\[\?1h\x1b=")  # .NET sets the keypad's mode when it opens a terminal


def columns(text):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def resize(terminal, width):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))


def on_terminal(command, folder, width=NARROW, then=None, **environment):
    """What a command writes to a terminal. If `then` is a width, the terminal gets it when progress has begun."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(folder)
        for name in ("CI", "NO_COLOR", "TERM", "COLUMNS"):
            os.environ.pop(name, None)
        os.environ.update({"TERM": "xterm-256color", **environment})
        while os.get_terminal_size(0).columns != width:
            pass
        os.execv(command[0], command)
    resize(terminal, width)
    text, marks = b"", []
    while True:
        try:
            if not (more := os.read(terminal, 1 << 16)):
                break
        except OSError:
            break
        text += more
        if then and not marks and re.search(rb"\d/\d", text):
            marks.append(len(text))
            resize(terminal, then)
            os.kill(child, signal.SIGWINCH)
    _, status = os.waitpid(child, 0)
    if status != 0:
        raise SystemExit(f"{command}: status {status}\n{text.decode()}")
    text = KEYPAD.sub(b"", text)
    return text.decode(), (text[:marks[0]].decode(), text[marks[0]:].decode()) if marks else None


def without_terminal(command, folder, ignored=False):
    """Exit code of a command whose terminal goes away when progress has begun."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(folder)
        signal.signal(signal.SIGHUP, signal.SIG_IGN if ignored else signal.SIG_DFL) # this script may be run by nohup
        os.execv(command[0], command)
    text = b""
    while not re.search(rb"[1-9]\d*/\d", text):
        text += os.read(terminal, 1 << 16)
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def drawn(text):
    """All states of all lines: a line ends with a line feed, and is drawn anew behind a carriage return."""
    return [line for line in re.split(r"[\r\n]+", ESCAPE.sub("", text)) if line]


class Checks:
    def __init__(self):
        self.wrong = 0

    def that(self, condition, what, text=""):
        if not condition:
            self.wrong += 1
            print(f"wrong: {what}\n{text}", file=sys.stderr)

    def fits(self, what, text, width):
        for line in drawn(text):
            self.that(columns(line) < width or " " not in line.strip(), f"{what}: wider than {width} columns", line)


def main():
    program = str(Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "src/Cli/bin/Release/net10.0/videosim").resolve())
    checks = Checks()
    with tempfile.TemporaryDirectory() as folder:
        def synth(name):
            return [program, "data", "synth", "--output-dir", name, "--videos", "3000", "--pairs", "400", "--pair-videos", "100", "--test-videos", "100", "--tags", "48"]

        text, _ = on_terminal(synth("data"), folder)
        checks.fits("progress", text, NARROW)
        states = [line for line in drawn(text) if "/3300" in line]
        checks.that(len(states) > 1, "progress is not drawn", text)
        checks.that(all(re.fullmatch(r"((synthetic )?data: )?\d+/3300( \(\d+%\))?(, [\d.]+/s)?(, [\dms. ]+ left)?", line) for line in states), "progress is cut", "\n".join(states))
        checks.that("\x1b[32m" in text, "no colour on a terminal")

        train = [program, "pretrain", "--model", "mix", "--preset", "micro", "--data", "data", "--set", "pretrain.steps=150", "--set", "pretrain.log_every=10", "--set", "pretrain.evaluate_every=50"]
        text, _ = on_terminal([*train, "--output-dir", "narrow"], folder)
        checks.fits("training", text, NARROW)
        text, parts = on_terminal([*train, "--output-dir", "resized"], folder, width=WIDE, then=NARROW)
        checks.that(parts is not None, "no progress before the resize", text)
        if parts:
            # The line that is drawn while the size changes may have either width.
            checks.fits("progress after a resize", "\n".join(drawn(parts[1])[2:]), NARROW)
        checks.that(any(re.search(r"loss \d", line) and "left" in line for line in drawn(text)) or parts, "no loss in progress", text)

        text, _ = on_terminal([*train, "--output-dir", "plain"], folder, NO_COLOR="1")
        checks.that(not re.search(r"\x1b\[[0-9;]*m", text), "colours although NO_COLOR is set", text)
        text, _ = on_terminal([*train, "--output-dir", "dumb"], folder, TERM="dumb")
        checks.that("\x1b" not in text, "control codes although the terminal is dumb", repr(text))

        code = without_terminal([*train, "--set", "pretrain.steps=100000", "--output-dir", "gone"], folder)
        checks.that(code == 128 + signal.SIGHUP, f"exit code {code} of a training whose terminal is gone")
        checks.that(any(Path(folder, "gone").glob("checkpoint-[1-9]*")), "no checkpoint of a training whose terminal is gone")
        code = without_terminal([*train, "--output-dir", "ignored"], folder, ignored=True)
        checks.that(code == 0, f"exit code {code} of a training that ignores that its terminal is gone")
        whole, without = (Path(folder, name, "last", "model.safetensors") for name in ("narrow", "ignored"))
        checks.that(without.exists() and without.read_bytes() == whole.read_bytes(), "other weights without a terminal")

        for command in (["kernels", "list", "--preset", "micro"], ["data", "folds", "--data", "data"], ["data", "inspect", "data/test_b"], ["devices"], ["pretrain", "--help"], ["--help"]):
            text, _ = on_terminal([program, *command], folder)
            checks.fits(" ".join(command), text, NARROW)
            checks.that(command[1:2] == ["inspect"] or "\x1b" not in text, f"{command}: control codes in a result", repr(text[:200]))
            piped = subprocess.run([program, *command], cwd=folder, check=True, capture_output=True, text=True, env={**os.environ, "TERM": "xterm-256color"})
            checks.that("\x1b" not in piped.stdout + piped.stderr, f"{command}: control codes in a pipe")
        piped = subprocess.run([*train, "--output-dir", "piped"], cwd=folder, check=True, capture_output=True, text=True, env={**os.environ, "TERM": "xterm-256color", "CI": "true"})
        checks.that("\x1b" not in piped.stderr and "\r" not in piped.stderr, "control codes in a pipe", repr(piped.stderr))
    print(f"{checks.wrong} wrong")
    sys.exit(1 if checks.wrong else 0)


if __name__ == "__main__":
    main()
