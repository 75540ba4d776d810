#!/usr/bin/env python3
"""complete-in-shells.py [VIDEOSIM]: tries the scripts of "videosim completion" in bash, zsh and fish.

Each shell loads its script and completes the same command lines, in a folder with the folder data_dir and the file
data_file.npy. zsh runs on a pseudo-terminal, as its completion needs one. Prints the time of a completion.
"""

import os
import pty
import re
import select
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LONGEST = 0.2  # seconds that a completion may take in a shell that has loaded its script
PATIENCE = 60  # seconds to wait for zsh

# Line, what must be offered, what must not.
CASES = [
    ("videosim ", ["pretrain", "data", "completion", "help"], ["synth", "--model"]),
    ("videosim pre", ["pretrain"], ["data"]),
    ("videosim --quiet pre", ["pretrain"], []),
    ("videosim --", ["--help", "--version", "--quiet"], ["pretrain"]),
    ("videosim data ", ["import", "synth", "inspect", "verify", "folds"], ["pretrain"]),
    ("videosim data synth --out", ["--output-dir"], ["--seed"]),
    ("videosim data synth --seed 1 --vid", ["--videos"], []),
    ("videosim data synth --seed ", [], ["--videos", "data_file.npy"]),
    ("videosim pretrain --skip-bad-records --mo", ["--model"], []),
    ("videosim pretrain --model ", ["mix", "uniter-roformer"], ["data_dir"]),
    ("videosim pretrain --model mix-", ["mix-asl", "mix-roformer"], ["mix", "uniter"]),
    ("videosim pretrain --model mix --preset t", ["tiny"], ["micro"]),
    ("videosim pretrain --set pretrain.st", ["pretrain.steps="], ["finetune.steps="]),
    ("videosim pretrain --max-", ["--max-steps", "--max-grad-norm"], []),
    ("videosim pretrain --on-nan ", ["stop", "rollback"], []),
    ("videosim pretrain --report-to csv t", ["tensorboard"], []),
    ("videosim reproduce --ba", [], []),
    ("videosim reproduce --models mix uni", ["uniter", "uniter-asl", "uniter-roformer"], ["mix"]),
    ("videosim pretrain --device cu", ["cuda", "cuda:0"], ["cpu"]),
    ("videosim pretrain --device cuda:", ["cuda:0"], ["cpu"]),
    ("videosim pretrain --precision ", ["fp32", "bf16"], ["Float32"]),
    ("videosim finetune --fold ", ["1", "11", "all"], []),
    ("videosim bench --stage pretrain --st", ["--steps"], ["--data"]),
    ("videosim kernels check drop", ["dropout", "dropout_f32"], ["softmax"]),
    ("videosim help pre", ["pretrain", "presets"], ["data"]),
    ("videosim help data sy", ["synth"], ["data"]),
    ("videosim help pretrain --qu", ["--quiet"], ["--model"]),
    ("videosim kernels bench ", ["dropout", "softmax"], []),
    ("videosim completion f", ["fish"], ["bash"]),
    ("videosim pretrain --data da", ["data_dir"], ["data_file.npy", "data"]),
    ("videosim pretrain --encoder bert=da", ["data_dir"], ["data_file.npy"]),
    ("videosim embed --records da", ["data_dir", "data_file.npy"], []),
    ("videosim embed --records data_dir da", ["data_dir", "data_file.npy"], []),
    ("videosim data inspect da", ["data_dir", "data_file.npy"], []),
    ("videosim search --embeddings data_f", ["data_file.npy"], ["data_dir"]),
]


def quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


def timed(output):
    """What a shell printed for each line, and its seconds: a line "TIME BEGIN END" follows the completions."""
    if output.stderr:
        raise SystemExit(f"{output.args[0]}: {output.stderr}")
    results, found = [], []
    for text in output.stdout.splitlines():
        if text.startswith("TIME "):
            begin, end = map(float, text.split()[1:])
            results.append((found, end - begin))
            found = []
        elif text:
            found.append(text)
    return results


class Bash:
    """Calls the function with the words that bash makes of the line; it breaks them at ':' and '='."""

    def __init__(self, script, folder):
        self.script, self.folder = script, folder

    def complete(self, lines):
        body = [f"source {quoted(str(self.script))}"]
        for line in lines:
            words = [piece for word in line.split(" ") for piece in (re.findall(r"[:=]+|[^:=]+", word) or [""])]
            body.append(f"COMP_WORDS=({' '.join(map(quoted, words))}); COMP_CWORD={len(words) - 1}; begin=$EPOCHREALTIME; _videosim; end=$EPOCHREALTIME")
            body.append('printf "%s\\n" "${COMPREPLY[@]}" "TIME $begin $end"')
        output = subprocess.run(["bash", "--norc", "-c", "\n".join(body)], cwd=self.folder, check=True, capture_output=True, text=True)
        # bash replaces only the part behind the last ':' or '='.
        return [([re.match(r".*[:=]|", line.split(" ")[-1])[0] + one if re.search(r"[:]", line.split(" ")[-1]) else one for one in found], seconds)
                for line, (found, seconds) in zip(lines, timed(output))]


class Fish:
    def __init__(self, script, folder):
        self.script, self.folder = script, folder

    def complete(self, lines):
        body = [f"source {self.script}"]
        for line in lines:
            body.append(f"set begin (date +%s.%N); complete -C {quoted(line)}; echo TIME $begin (date +%s.%N)")
        environment = dict(os.environ, HOME=str(self.folder), XDG_CONFIG_HOME=str(self.folder / ".config"))
        output = subprocess.run(["fish", "--no-config", "-c", "\n".join(body)], cwd=self.folder, check=True, capture_output=True, text=True, env=environment)
        return [([re.sub(r"^\w+=(?=.)", "", one.split("\t")[0]).rstrip("/") for one in found], seconds) for found, seconds in timed(output)]


class Zsh:
    """Runs zsh on a pseudo-terminal. What compadd is given is printed instead of drawn."""

    SETUP = r"""
PROMPT= PS2= LISTMAX=10000; unsetopt zle_bracketed_paste prompt_cr prompt_sp; autoload -Uz compinit; compinit -u -d ./zcompdump; source %s
compadd() { if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then builtin compadd "$@"; return; fi; local -a hits; builtin compadd -O hits "$@"; print -l -- "HIT:"$^hits":"; builtin compadd "$@" }
finished() { print -- "FINI""SHED:" }; comppostfuncs=(finished); zstyle ':completion:*' completer _complete; bindkey '^I' list-choices; print REA""DY
"""

    def __init__(self, script, folder):
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.chdir(folder)
            os.environ.update(TERM="dumb", HOME=str(folder), COLUMNS="200")
            os.execvp("zsh", ["zsh", "-f", "-i"])
        for line in (self.SETUP % script).strip().splitlines():
            os.write(self.terminal, (line + "\n").encode())
        self.wait("READY")

    def wait(self, mark):
        text, end = "", time.monotonic() + PATIENCE
        while mark not in text:
            if not select.select([self.terminal], [], [], max(0, end - time.monotonic()))[0]:
                raise SystemExit(f"zsh: no {mark} after {PATIENCE} s; it printed: {text!r}")
            text += os.read(self.terminal, 1 << 16).decode(errors="replace")
        return text

    def complete(self, lines):
        results = []
        for line in lines:
            begin = time.monotonic()
            os.write(self.terminal, line.encode() + b"\t")
            text = self.wait("FINISHED:")
            seconds = time.monotonic() - begin
            os.write(self.terminal, b"\x15")  # removes the line
            results.append((re.findall(r"HIT:(.*?):\r?\n", text), seconds))
            # comppostfuncs is emptied by each completion.
            os.write(self.terminal, b"comppostfuncs=(finished); print REA\"\"DY\n")
            self.wait("READY")
        return results

    def close(self):
        os.write(self.terminal, b"\x15exit\n")
        os.waitpid(self.process, 0)


def main():
    program = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "src/Cli/bin/Release/net10.0/videosim").resolve()
    wrong = 0
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work).resolve()
        (folder / "data_dir").mkdir()
        (folder / "data_file.npy").write_text("")
        for name, shell in (("bash", Bash), ("zsh", Zsh), ("fish", Fish)):
            script = folder / f"script.{name}"
            script.write_bytes(subprocess.run([program, "completion", name], check=True, capture_output=True).stdout)
            shell = shell(script, folder)
            results = shell.complete([line for line, _, _ in CASES])
            for (line, expected, others), (found, _) in zip(CASES, results, strict=True):
                missing, extra = [one for one in expected if one not in found], [one for one in others if one in found]
                if missing or extra or (not expected and found):
                    print(f"{name}: {line!r}: missing {missing}, wrong {extra}, offered {found}", file=sys.stderr)
                    wrong += 1
            times = sorted(seconds for _, seconds in results)
            print(f"{name}: {len(CASES)} lines, {1000 * times[len(times) // 2]:.0f} ms each, at most {1000 * times[-1]:.0f} ms", flush=True)
            if times[len(times) // 2] > LONGEST:
                print(f"{name}: slower than {1000 * LONGEST:.0f} ms", file=sys.stderr)
                wrong += 1
            if isinstance(shell, Zsh):
                shell.close()
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
