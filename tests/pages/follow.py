"""follow.py [--full] [--root ROOT] [PAGE...]: runs the commands on pages and compares their output with the pages.

Without PAGE, all pages of the repository that have commands. A comment right before a block says where it runs:

    <!-- gate: run -->          here; VIDEOSIM_CUDA_PATH is not set, as for a reader with nothing but .NET
    <!-- gate: full -->         here with --full
    <!-- gate: emulator -->     here, over the emulator of CUDA, with NVRTC
    <!-- gate: emulator full --> the same with --full
    <!-- gate: other NAME -->   another gate of .ci/run
    <!-- gate: none REASON -->  nowhere
    <!-- gate: part of FILE --> nowhere; check.py compares the block with the file

With "fails" behind one of the first four, the exit code must not be 0: the block shows an error. Lines in the comment
below the first run before the block. A mark in the first line of a page is for all its blocks without a mark.

"bash" is a block of commands, and "text" directly below it is their output. In "console" each line that begins with
"$ " is a command with its output below, and an exit code other than 0 is no error. "cuda FILE" and other languages
with a file are written to it. "diff" is applied. "needs=gdb" behind a language leaves
the block out where gdb is missing, and "needs=pgvector" where .ci/get-pgvector.sh has made nothing.

In an output, a line "..." is for any lines, "..." or "…" within a line for any text. Blanks count once, and rules of
tables have any length. All blocks of a page run in one folder, a copy of the repository without what was built. As
many pages run at once as there are cores.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from markdown import Page

ROOT = Path(__file__).resolve().parents[2]
SHELL = Path(__file__).resolve().parent / "shell.sh"
ELSEWHERE = ("other", "none", "part")  # gates that run no block here
COMMANDS = ("bash", "console")
LONGEST = {False: 300, True: 1800}  # seconds that a block may take, without and with --full


class Wrong(Exception):
    """A page does not say what happens."""


def is_step(block):
    """Whether the block does something: it is of commands, is written to a file, or is a change of files."""
    return block.language in COMMANDS or block.language == "diff" or bool(block.language and block.argument)


def runs(mark, full):
    """Whether a block with this mark runs, with or without --full."""
    return mark.gate not in ELSEWHERE and (full or "full" not in [mark.gate, *mark.rest.split()])


def commands_of(block):
    """(line, command, lines of its output) of a console block. A command goes on to the end of its here-document."""
    commands, end = [], None
    for number, line in enumerate(block.lines, block.line):
        if end:
            commands[-1][1] += line + "\n"
            end = None if line == end else end
        elif line.startswith("$ "):
            commands.append([number, line[2:] + "\n", []])
            end = (match := re.search(r"<<'?(\w+)", line)) and match[1]
        elif commands:
            commands[-1][2].append(line)
        else:
            raise Wrong(f"{number}: output without a command")
    return commands


def squeezed(line):
    return re.sub(r"-{2,}", "--", re.sub(r"\s+", " ", line)).rstrip()


def fits(pattern, line):
    parts = re.split(r"\.\.\.|…", squeezed(pattern))
    return re.fullmatch(".*".join(map(re.escape, parts)), squeezed(line)) is not None


def difference(expected, actual):
    """None if the output fits; otherwise (index of the first line that is not there, index in the actual output)."""
    reached = {0}  # how many lines of the output the expected lines up to now can be
    for i, line in enumerate(expected):
        last = max(reached)
        if line.strip() == "...":
            reached = set(range(min(reached), len(actual) + 1))
        else:
            reached = {at + 1 for at in reached if at < len(actual) and fits(line, actual[at])}
        if not reached:
            return i, last
    return None if len(actual) in reached else (len(expected), max(reached))


def compare(where, first, expected, output):
    """Raises Wrong with page, line and the difference. `first` is the number of the first expected line."""
    expected, actual = list(expected), output.rstrip("\n").split("\n") if output.strip() else []
    while expected and not expected[-1].strip():
        expected.pop()
    if (found := difference(expected, actual)) is None:
        return
    i, at = found
    says = f"the page says: {expected[i]}" if i < len(expected) else "the page says nothing more"
    prints = f"is printed:    {actual[at]}" if at < len(actual) else "is printed:    nothing more"
    raise Wrong(f"{where}:{first + i}: the output differs\n  {says}\n  {prints}\nthe whole output:\n{output}")


class Folder:
    """A copy of the repository, and the shell that a reader has in it."""

    def __init__(self, work, root, limit):
        self.tree, self.state, self.limit = work / "tree", work / "state", limit
        self.tree.mkdir()
        files = subprocess.run(["git", "ls-files", "-z"], cwd=root, check=True, capture_output=True).stdout
        subprocess.run(["xargs", "-0", "cp", "--parents", "-t", self.tree], cwd=root, check=True, input=files)
        if (nvrtc := root / "artifacts" / "nvrtc").exists():
            (self.tree / "artifacts").mkdir()
            (self.tree / "artifacts" / "nvrtc").symlink_to(nvrtc)
        self.cuda = os.environ.get("VIDEOSIM_CUDA_PATH", "")
        self.environment = {key: value for key, value in os.environ.items() if key != "VIDEOSIM_CUDA_PATH"}
        self.environment |= {"PWD": str(self.tree), "PAGE_TREE": str(self.tree), "PAGE_BUILT": str(root)}

    def run(self, script, over_emulator=False):
        """Exit code and output of commands. The first failure ends them. Folder and variables last for later
        commands."""
        environment = self.environment
        if over_emulator:
            environment = environment | {"VIDEOSIM_CUDA_PATH": f"{self.emulator()}:{self.cuda}"}
        with tempfile.TemporaryFile() as output:
            process = subprocess.Popen(["bash", "-c", f". '{SHELL}'\ntrap 'env -0 > \"{self.state}\"' EXIT\nset -e\n{script}"], cwd=environment["PWD"], env=environment,
                                       stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
            try:
                code = process.wait(self.limit)
            except subprocess.TimeoutExpired:
                code = f"none: stopped after {self.limit} s"
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            output.seek(0)
            text = output.read().decode(errors="replace")
        if not over_emulator and self.state.exists():
            self.environment = dict(line.split("=", 1) for line in self.state.read_text(errors="replace").split("\0") if line)
        return code, text

    def emulator(self):
        code, folder = self.run("videosim kernels build-emulator 2> /dev/null")
        if code != 0:
            raise Wrong("videosim kernels build-emulator failed")
        return folder.strip()


def has_pgvector(root):
    return (root / "artifacts" / "pgvector").exists()


def has_gdb(_):
    """gdb may be there and still not be allowed to start programs."""
    done = shutil.which("gdb") and subprocess.run(["gdb", "-batch", "-ex", "run", "true"], capture_output=True, text=True)
    return bool(done) and "exited normally" in done.stdout


NEEDS = {"needs=gdb": (has_gdb, "gdb is missing or may not start programs"), "needs=pgvector": (has_pgvector, "there is no artifacts/pgvector")}


def do(page, block, output, mark, folder):
    """Does what a block says. `output` is the block below it that shows what is printed, or None."""
    over_emulator, fails = mark.gate == "emulator", "fails" in mark.rest.split()
    if mark.preparation:
        code, text = folder.run(mark.preparation, over_emulator)
        if code != 0:
            raise Wrong(f"{page.path}:{mark.line}: exit code {code} of the preparation\n{text}")
    if block.language == "bash":
        code, text = folder.run(block.text, over_emulator)
        if (code == 0) == fails:
            raise Wrong(f"{page.path}:{block.line}: exit code {code}\n{block.text}{text}")
        if output:
            compare(page.path, output.line, output.lines, text)
    elif block.language == "console":
        for line, command, expected in commands_of(block):
            _, text = folder.run(command, over_emulator)
            compare(page.path, line + command.count("\n"), expected, text)
    elif block.language == "diff":
        change = folder.state.with_suffix(".diff")
        change.write_text(block.text)
        code, text = folder.run(f"git apply {change}")
        if code != 0:
            raise Wrong(f"{page.path}:{block.line}: the change cannot be applied\n{text}")
    else:
        file = Path(folder.environment["PWD"]) / block.argument
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(block.text)


def follow(page, root, full):
    """Does all steps of a page in order. Raises Wrong at the first that differs from what the page says."""
    with tempfile.TemporaryDirectory() as work:
        folder = None
        for block, below in zip(page.blocks, [*page.blocks[1:], None]):
            mark = page.mark_of(block)
            if not is_step(block) or mark is None or not runs(mark, full):
                continue
            if block.argument in NEEDS and not NEEDS[block.argument][0](root):
                print(f"{page.path}:{block.line}: skipped, {NEEDS[block.argument][1]}", flush=True)
                continue
            folder = folder or Folder(Path(work), root, LONGEST[full])
            begin = time.monotonic()
            do(page, block, below if below and below.is_output else None, mark, folder)
            if block.language in COMMANDS:
                print(f"{page.path}:{block.line}: as the page says, {time.monotonic() - begin:.1f} s", flush=True)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--full", action="store_true")
    options.add_argument("--root", type=Path, default=ROOT)
    options.add_argument("pages", nargs="*")
    options = options.parse_args()
    paths = options.pages or subprocess.run(["git", "ls-files", "*.md"], cwd=options.root, check=True, capture_output=True, text=True).stdout.split()
    pages = [Page(path, (options.root / path).read_text(encoding="utf-8")) for path in paths]
    pages.sort(key=lambda page: len(page.blocks), reverse=True)  # the last to end should be a short one

    def is_right(page):
        try:
            follow(page, options.root, options.full)
        except Wrong as error:
            print(error, file=sys.stderr)
            return False
        return True

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        sys.exit(0 if all(list(pool.map(is_right, pages))) else 1)


if __name__ == "__main__":
    main()
