"""check.py [ROOT]: checks pages and comments of all files that git tracks. Prints each fault with its place.

- A link to a file or to a heading of the repository leads to one. A path or a file's name in a code span exists.
- Nothing refers to a document that is not in the repository, to a folder of one machine or to a host of packages.
- No line of a comment that is prose has 120 characters or more.
- Each block of commands on a page has a mark that says which gate runs it (see follow.py).
- Each page below docs can be reached by links from docs/README.md.
"""

import fnmatch
import posixpath
import re
import subprocess
import sys
from pathlib import Path

import comments
import follow
from markdown import Page

ROOT = Path(__file__).resolve().parents[2]
LONGEST_PROSE = 119

# Addresses that are nobody's are no hosts.
HOSTS = ("127.0.0.1", "10.0.0.1", "10.0.0.2", "10.77", "evil.example", "github.com", "git-lfs", "www.w3.org", "json-schema.org", "arxiv.org", "doi.org", "docs.nvidia.com", "developer.nvidia.com", "learn.microsoft.com", "dotnet.microsoft.com")

# Texts that must not be in the repository, and why.
ABSENT = [
    (r"\b[Tt]he specification\b|\b[Ss]pecification,? ([Aa]ppendix|section|\d)", "the specification is not in the repository"),
    (r"[Ff]act[ -]sheet", "the fact sheet is not in the repository"),
    (r"([Ii]ssue #|\b(in|of|see|by|from|for|since|with) issue |^\W*Issue |\(issue )\d", "issues of this project are not in the repository"),
    (r"(?<![\w.:/-])/(root|home/\w|Users|mnt|workspace)/|\b[A-Z]:\\\\?Users", "a path of one machine"),
    (rf"https?://(?!({'|'.join(map(re.escape, HOSTS))})\b)[\w.-]+", "a host that is not in the list of tests/pages/check.py"),
]
ABSENT = [(re.compile(pattern), reason) for pattern, reason in ABSENT]

PLANTED = "tests/pages/"  # this program and its tests contain the faults that they look for
FOLDERS = r"(?:docs|src|tests|bench|samples|\.ci)/"
SOURCE_NAME = re.compile(r"[\w.-]+\.(cs|cu|cuh|cpp|h|md|csproj|props|sln)")
# X stands for a name of the reader's choice; what a build makes is not tracked.
NOT_A_FILE = re.compile(r"(^|/)X\b|X(Tests|\.)|/(bin|obj)/|[{}$<>…]")


class Repository:
    """The files that git tracks, with their texts."""

    def __init__(self, root):
        self.root = root
        self.files = subprocess.run(["git", "ls-files", "-z"], cwd=root, check=True, capture_output=True, text=True).stdout.split("\0")[:-1]
        self.folders = {posixpath.dirname(path) for path in self.files}
        for folder in list(self.folders):
            while folder := posixpath.dirname(folder):
                self.folders.add(folder)
        self.names = {posixpath.basename(path) for path in self.files}
        self.texts = {path: text for path in self.files if (text := self._text(path)) is not None}
        self.pages = {path: Page(path, text) for path, text in self.texts.items() if path.endswith(".md") and ".template." not in path}

    def _text(self, path):
        """None if the file is not text."""
        try:
            return (self.root / path).read_bytes().decode("utf-8")
        except UnicodeDecodeError:
            return None

    def lines(self):
        """(path, number, line) of all texts without planted faults."""
        for path, text in self.texts.items():
            if not path.startswith(PLANTED):
                for number, line in enumerate(text.split("\n"), 1):
                    yield path, number, line

    def has(self, path):
        path = path.rstrip("/")
        return path in self.files or path in self.folders or "*" in path and bool(fnmatch.filter([*self.files, *self.folders], path))


def links(repository):
    """Links of pages, and references from other files to pages below docs."""
    for path, page in repository.pages.items():
        for line, target in page.links:
            if not re.match(r"[a-z]+:", target) and (fault := wrong_link(repository, path, target)):
                yield path, line, fault
    for path, number, line in repository.lines():
        for match in re.finditer(r"(?<![\w/.-])docs/[\w./-]+\.md(#[\w-]+)?", line):
            if path not in repository.pages and (fault := wrong_link(repository, "", match[0])):
                yield path, number, fault


def wrong_link(repository, page, target):
    """Why a link from a page leads nowhere, or None."""
    file, _, anchor = target.partition("#")
    path = posixpath.normpath(posixpath.join(posixpath.dirname(page), file)) if file else page
    if not repository.has(path):
        return f"the link leads nowhere: {target}"
    if anchor and path in repository.pages and anchor not in repository.pages[path].anchors:
        return f"{path} has no heading for the link {target}"
    return None


def spans(repository):
    """Paths and names of files in code spans."""
    for path, page in repository.pages.items():
        written = {posixpath.basename(block.argument) for block in page.blocks}
        for line, span in page.spans:
            for word in span.split():
                word = word.rstrip(",.;:)").lstrip("(").partition("#")[0]
                if NOT_A_FILE.search(word) or posixpath.basename(word) in written:
                    continue
                if re.match(FOLDERS, word):
                    exists = repository.has(word)
                elif SOURCE_NAME.fullmatch(word):
                    exists = word in repository.names
                else:
                    continue
                if not exists:
                    yield path, line, f"there is no such file: {word}"


def absent(repository):
    """References to what is not in the repository."""
    for path, number, line in repository.lines():
        for pattern, reason in ABSENT:
            if match := pattern.search(line):
                yield path, number, f"{reason}: {match[0]}"


def long_prose(repository):
    for path, text in repository.texts.items():
        lines = text.split("\n")
        for line in comments.lines_of(path, text):
            length = len(lines[line.number - 1])
            if length > LONGEST_PROSE and not line.is_behind_code:
                yield path, line.number, f"a line of a comment has {length} characters, more than {LONGEST_PROSE}"


def marks(repository):
    """Blocks of commands without a gate, and marks that mean nothing."""
    for path, page in repository.pages.items():
        for block in page.blocks:
            if fault := wrong_block(repository, block, page.mark_of(block)):
                yield path, block.line, fault
        for mark in page.unused_marks:
            yield path, mark.line, "no block follows this gate"


def wrong_block(repository, block, mark):
    """What is wrong with a block and its mark, or None."""
    if not block.language:
        return "a block has no language: it is bash for commands, text for output"
    if not follow.is_step(block):
        if block.mark and block.mark.gate == "part":
            return wrong_part(repository, block, block.mark.rest.removeprefix("of "))
        return block.mark and "a gate is named for a block that has no commands"
    if mark is None:
        return "no gate runs this block: <!-- gate: ... --> is missing before it"
    if mark.gate == "other":
        return None if f'gate "{mark.rest}" ' in repository.texts[".ci/run"] else f".ci/run has no gate {mark.rest!r}"
    if mark.gate == "none":
        return None if mark.rest else "gate: none needs a reason"
    if mark.gate not in ("run", "full", "emulator") or not set(mark.rest.split()) <= {"full", "fails"}:
        return f"there is no gate {f'{mark.gate} {mark.rest}'.strip()!r}"
    return None


def wrong_part(repository, block, path):
    """Why a block is no part of a file: its lines have to follow each other there, with any indentation."""
    if path not in repository.texts:
        return f"there is no such file: {path}"
    lines, part = ([line.strip() for line in text.strip().split("\n")] for text in (repository.texts[path], block.text))
    if any(lines[i:i + len(part)] == part for i in range(len(lines))):
        return None
    return f"{path} has no such lines; the first that it lacks: {next((line for line in part if line not in lines), part[0])}"


def unreachable(repository):
    """Pages below docs that no chain of links from docs/README.md leads to."""
    index = "docs/README.md"
    found, new = set(), [index] if index in repository.pages else []
    while new:
        page = new.pop()
        found.add(page)
        targets = (posixpath.normpath(posixpath.join(posixpath.dirname(page), target.partition("#")[0])) for _, target in repository.pages[page].links)
        new += {target for target in targets if target in repository.pages and target not in found}
    for path in repository.pages:
        if path.startswith("docs/") and path not in found:
            yield path, 1, f"no links lead here from {index}"


CHECKS = (links, spans, absent, long_prose, marks, unreachable)


def main():
    repository = Repository(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT)
    faults = [fault for check in CHECKS for fault in check(repository)]
    for path, line, fault in sorted(faults):
        print(f"{path}:{line}: {fault}")
    print(f"{len(repository.pages)} pages and {len(repository.texts)} files of text: {len(faults)} faults")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
