"""readability.py [COMMIT]: how easy the repository's prose is to read, in two tables: pages, and comments of src.

Without COMMIT, the working tree. Columns: words; mean words per sentence; share of sentences above 25 words; words of
the longest sentence; characters of the longest line of prose. On a page a paragraph may be one line, so there the last
column is the length of the longest paragraph.

What counts
- Of a page: paragraphs, list items and quotations. Not: blocks of code, tables, headings, HTML, targets of links.
- Of a comment: its text without signs and XML tags. Lines below each other are one text. Not: lines that are set as
  formulas or columns (two blanks in them, or more than one blank before them), lines without a letter.
- A sentence ends at a full stop, a question mark or an exclamation mark that a blank follows, and at the end of a
  paragraph, list item or comment. "e.g.", "i.e.", "vs.", "etc.", "et al.", "cf.", "Fig." and "No." end no sentence.
- A word is a run without blanks that has a letter or a digit. A code span and a cref are one word.
- Sentences of fewer than two words (labels) do not count.
"""

import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import comments
from markdown import CODE, LINK, Page

ROOT = Path(__file__).resolve().parents[2]
LONG = 25
ABBREVIATION = re.compile(r"\b(e\.g|i\.e|vs|etc|et al|cf|Fig|No)\.(?=\s)")
SOURCES = re.compile(r"src/.*\.(cs|cu|cuh|cpp|h|sh)$")


def sentences(text):
    """The sentences of a text, each as a list of words."""
    text = ABBREVIATION.sub(lambda match: match[0].replace(".", "\0"), text)
    for sentence in re.split(r"(?<=[.?!])[\"”)*_]*\s+", text):
        words = [word for word in sentence.split() if re.search(r"\w", word)]
        if len(words) > 1:
            yield words


def plain(text):
    """Text of Markdown without targets of links; each code span is one word."""
    text = LINK.sub(lambda match: re.sub(r"^!?\[|\]\([^()]*\)$", "", match[0]), text)
    return CODE.sub("code", text)


def paragraphs_of_comments(path, text):
    """Texts of comments: lines below each other are one, a tag of a new element and an empty line begin another."""
    paragraph, last = [], None
    for line in comments.lines_of(path, text):
        if paragraph and (line.is_behind_code or line.number != last + 1 or re.search(r"<(param|returns|remarks|typeparam|exception|para)\b", line.text) or not line.text.strip()):
            yield " ".join(paragraph)
            paragraph = []
        last = line.number if not line.is_behind_code else -1
        content = re.sub(r"<see(also)? (cref|href|langword)=\"[^\"]*\" ?/>|<(paramref|typeparamref) name=\"[^\"]*\" ?/>|<c>.*?</c>", "code", line.text)
        content = re.sub(r"</?[a-z]\w*[^<>]*>", "", content)
        if re.search(r"\S {2,}\S|^ {2,}\S", content) or not re.search(r"[A-Za-z]", content):
            continue
        paragraph.append(content.strip())
    if paragraph:
        yield " ".join(paragraph)


@dataclass
class Row:
    """What is counted of a page or of a project."""

    name: str
    lengths: list = field(default_factory=list)  # words of each sentence
    longest_line: int = 0

    def add(self, texts, lines):
        self.lengths += [len(words) for text in texts for words in sentences(text)]
        self.longest_line = max([self.longest_line, *map(len, lines)])

    def __str__(self):
        count = len(self.lengths) or 1
        return (f"| {self.name} | {sum(self.lengths):,} | {sum(self.lengths) / count:.1f} | {100 * sum(n > LONG for n in self.lengths) / count:.0f} % "
                f"| {max(self.lengths, default=0)} | {self.longest_line} |")


def table(title, rows):
    total = Row("**all**", [n for row in rows for n in row.lengths], max((row.longest_line for row in rows), default=0))
    print(f"| {title} | words | words per sentence | above {LONG} words | longest sentence | longest line |\n| --- | ---: | ---: | ---: | ---: | ---: |")
    for row in [*rows, total]:
        print(row)


def pages(texts):
    for path, text in texts.items():
        if path.endswith(".md"):
            page, row = Page(path, text), Row(path)
            row.add(map(plain, page.paragraphs), [line for line in page.prose if not line.startswith("|")])
            yield row


def projects(texts):
    rows = {}
    for path, text in texts.items():
        if SOURCES.match(path):
            lines = text.split("\n")
            rows.setdefault(project := path.split("/")[1], Row(f"src/{project}")).add(
                paragraphs_of_comments(path, text), [lines[line.number - 1] for line in comments.lines_of(path, text) if not line.is_behind_code])
    return rows.values()


def main():
    def git(*arguments):
        return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True).stdout.decode("utf-8")

    if commit := sys.argv[1] if len(sys.argv) > 1 else None:
        paths, read = git("ls-tree", "-r", "--name-only", commit).split("\n"), lambda path: git("show", f"{commit}:{path}")
    else:
        paths, read = git("ls-files").split("\n"), lambda path: (ROOT / path).read_text(encoding="utf-8")
    texts = {path: read(path) for path in sorted(paths) if path.endswith(".md") and ".template." not in path or SOURCES.match(path)}
    table("page", list(pages(texts)))
    print()
    table("comments", list(projects(texts)))


if __name__ == "__main__":
    main()
