"""The lines of src that can be changed: kinds of places, and the changes that no test noticed at first."""

import hashlib
import re
from dataclasses import dataclass
from typing import Callable, Optional

# Paths that are left out: checks contain the cases and formulas of tests, and generated files come from tables.
LEFT_OUT = re.compile(r"\.Check\.cs$|\.g\.cs$")
SOURCES = re.compile(r"^src/.*\.(cs|cu|cuh|cpp|h)$|^src/Models/Recipes/.*\.json$")

# Lines that are left out: directives, using lines and attributes. "[" before a small letter begins a list instead.
LINES_LEFT_OUT = re.compile(r"\s*(#|using |namespace |\[[A-Z]|static_assert|extern )")

# Comments, strings and characters, in this order of preference. A string of C# may begin with $ and @.
TEXTS = re.compile(r"""
      (?P<comment>//[^\n]*|/\*.*?\*/)
    | \$*\"{3,}.*?\"{3,}
    | (?:\$@|@\$|@)"(?:[^"]|"")*"
    | \$?"(?:[^"\\\n]|\\.)*"
    | (?<!\w)'(?:[^'\\\n]|\\.)+'
    """, re.S | re.X)

NUMBER = r"(?<![\w.$])(\d+)(\.\d+)?(e-?\d+)?(?=[fuUL]*(?![\w.]))"


@dataclass(frozen=True)
class Place:
    """A change of one line: `before` becomes `after` in `path`. Both are whole lines without their ends."""
    kind: str
    path: str
    line: int  # from 1
    column: int  # from 1
    before: str
    after: str

    @property
    def id(self):
        return f"{self.kind}:{self.path}:{self.line}:{self.column}"

    @property
    def content(self):
        """The identity of a change: path, line and changed line. Lines above it do not matter."""
        return (self.path, self.before.strip(), self.after.strip())

    @property
    def diff(self):
        return f"{self.path}:{self.line}\n- {self.before.strip()}\n+ {self.after.strip()}"


def doubled(match):
    """Twice the number; 1 for 0."""
    whole, fraction, exponent = match[1], match[2] or "", match[3] or ""
    if float(whole + fraction) == 0:
        return "1" + fraction + exponent
    if not fraction:
        return f"{2 * int(whole)}{exponent}"
    return f"{2 * float(whole + fraction):.{len(fraction) - 1}f}{exponent}"


def neighbour(match):
    """One less, or 1 for 0: a number that identifies one thing becomes that of another."""
    return str(int(match[1]) - 1 if int(match[1]) else 1) + (match[2] or "") + (match[3] or "")


def next_number(match):
    """The next number, or twice the number if it has a fraction."""
    return doubled(match) if match[2] or match[3] else str(int(match[1]) + 1)


def swapped(pairs):
    both = {**pairs, **{after: before for before, after in pairs.items()}}
    return lambda match: match[0].replace(match[1], both[match[1]])


def replaced(text):
    return lambda match: text


@dataclass(frozen=True)
class Kind:
    """Places of one kind: matches of `place` in lines that match `line`, in files that match `files`."""
    name: str
    files: str
    place: str
    change: Callable
    line: str = ""
    region: Optional[str] = None  # the begin of a statement of several lines; only its lines count
    in_texts: bool = False  # the places are in strings instead of code


CSHARP = r"\.cs$"
COMPARISONS = swapped({"<": "<=", ">": ">=", "==": "!=", "&&": "||"})
SIGNS = swapped({"+": "-", "+=": "-="})

KINDS = [
    Kind("cost", r"^src/Kernels/.*\.cs$", rf"{NUMBER}| \* \w+(\.\w+)?(?![\w.(])",
         lambda match: doubled(match) if match[1] else "", region=r"CountCost =|KernelCost \w+\(|double Operations\w+ ="),
    Kind("launch", r"^src/Kernels/.*\.cs$", rf"{NUMBER}| - 1(?=\) /)| / \w+(?![\w.(])",
         lambda match: doubled(match) if match[1] else "", region=r"LaunchShape =|LaunchShape \w+\(|int \w*(Blocks|Chunks|Tiles)\("),
    Kind("seed", r"^src/(Kernels|Engine|Models|Cli)/.*\.cs$", rf"{NUMBER}|(?<=[(, ])(?<!ulong )(_?\w+\.)*_?\w*[sS]eed(?=[,;)])",
         lambda match: neighbour(match) if match[1] else "0",
         line=r"[sS]eed|[sS]ites?\b|[pP]urpose|Philox"),
    Kind("option", r"^src/(Cli|Models)/.*\.cs$", r"parsed\.GetValue\(\w+\)!?|(?<=[ (])_?(options|run|job)\.[A-Z]\w+(?=[,;)])|Required = true",
         lambda match: "Required = false" if match[0].startswith("Required") else "default!"),
    Kind("message", r"^src/(Engine|Models|Cli)/.*\.cs$", r"(?<!\{)\{[^{}\"]*([pP]ath|[fF]ile|[nN]ame|[fF]older|[lL]ine|[rR]ecord|[oO]ption)[^{}\"]*\}",
         replaced("?"), line=r"(?:throw|Exception|Error|Problem|Failure|Write|\? |: |=> |\+ |return )\$\"[^\"]* [^\"]*\"|(?:throw|Exception|Error|Failure)\w*\(\$\"", in_texts=True),
    Kind("comparison", r"\.(cs|cu|cuh|cpp|h)$", r" (<=|>=|==|!=|<|>|&&|\|\|) ", COMPARISONS),
    Kind("sign", r"\.(cs|cu|cuh|cpp|h)$", r"(?<![\"']) ([+-]=?) (?![\"'$@])", SIGNS),
    Kind("constant", r"\.(cs|cu|cuh|cpp|h|json)$", NUMBER, next_number),
]


def masked(text):
    """The text with blanks in place of comments, and quotes in place of strings and characters. All places stay."""
    def fill(match):
        blank = " " if match["comment"] else '"'
        return re.sub(r"[^\n]", blank, match[0])
    return TEXTS.sub(fill, text)


def regions(lines, begin):
    """Numbers of the lines of statements that begin with a match. The last line of one closes all brackets."""
    inside = set()
    for first, line in enumerate(lines):
        if not re.search(begin, line):
            continue
        depth = 0
        for number in range(first, min(first + 12, len(lines))):
            inside.add(number)
            depth += sum((c in "([{") - (c in ")]}") for c in lines[number])
            if depth < 0 or depth == 0 and re.search(r"[,;}]\s*$", lines[number]):
                break
    return inside


def places_of(kind, path, text):
    """All changes of a kind in a file."""
    lines, code = text.split("\n"), (text if path.endswith(".json") else masked(text)).split("\n")
    inside = regions(code, kind.region) if kind.region else None
    for number, (line, masked_line) in enumerate(zip(lines, code)):
        if LINES_LEFT_OUT.match(line) or inside is not None and number not in inside:
            continue
        if not re.search(kind.line, line if kind.in_texts else masked_line):
            continue
        for match in re.finditer(kind.place, line if kind.in_texts else masked_line):
            if kind.in_texts and masked_line[match.start()] != '"':
                continue
            after = line[:match.start()] + kind.change(match) + line[match.end():]
            yield Place(kind.name, path, number + 1, match.start() + 1, line, after)


def drawn(files, seed):
    """Changes by kind, in the order in which they are drawn. The order depends on the seed and on the lines. A change
    of another line does not change it. A place belongs to the first kind that has it. `files` are texts by path."""
    kinds, taken = {}, set()
    for kind in KINDS:
        found = []
        for path, text in files.items():
            if re.search(kind.files, path):
                found += [place for place in places_of(kind, path, text) if (place.path, place.line, place.column) not in taken]
        taken.update((place.path, place.line, place.column) for place in found)
        seen = {}
        for place in found:  # equal lines of a file differ in their order
            seen.setdefault(place.content, []).append(place)
        ranked = [(rank(seed, content, i), place) for content, places in seen.items() for i, place in enumerate(places)]
        kinds[kind.name] = [place for _, place in sorted(ranked, key=lambda pair: pair[0])]
    return kinds


def rank(seed, content, occurrence):
    return hashlib.sha256("\0".join([str(seed), *content, str(occurrence)]).encode()).hexdigest()


def named_places(files, changes):
    """The changes of a list of (path, part of a line, the changed part). Each part is in exactly one line."""
    for path, before, after in changes:
        found = [(number, line) for number, line in enumerate(files.get(path, "").split("\n"), 1) if before in line]
        if len(found) != 1:
            raise SystemExit(f"{path}: {len(found)} lines hold {before!r}, expected 1; adapt tests/mutate/named.py")
        number, line = found[0]
        yield Place("named", path, number, line.index(before) + 1, line, line.replace(before, after, 1))
