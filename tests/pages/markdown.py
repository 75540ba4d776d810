"""Reads a Markdown page: fenced blocks with their marks, headings, links, code spans and paragraphs."""

import re
from dataclasses import dataclass, field

FENCE = re.compile(r"(\s*)(`{3,})\s*(\S*)\s*(.*?)\s*$")
MARK = re.compile(r"<!-- gate: (\S+) *([^\n]*?)(?: *\n(.*?))?\s*-->", re.S)
LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\]\([^)]*\)|\[[^\]]*\])*\]\(([^()\s]+)(?:\s+\"[^\"]*\")?\)")
HTML_LINK = re.compile(r"\b(?:src|srcset|href)=\"([^\"\s]+)\"")
CODE = re.compile(r"(`+)(.+?)\1")
LIST_ITEM = re.compile(r"([-*+]|\d+[.)])\s+")
NO_PARAGRAPH = re.compile(r"\||#{1,6}\s|<(?!http)|(---+|===+)$")


@dataclass
class Mark:
    """`<!-- gate: GATE REST -->` before a block. Lines below the first are commands that run before the block."""

    gate: str
    rest: str
    preparation: str
    line: int  # from 1, like all numbers of lines here


@dataclass
class Block:
    """A fenced block: ```LANGUAGE ARGUMENT, and lines from `line` on."""

    language: str
    argument: str
    line: int
    mark: Mark | None
    is_output: bool  # ```text directly below another block: only blank lines lie between
    lines: list = field(default_factory=list)

    @property
    def text(self):
        return "".join(line + "\n" for line in self.lines)


class Page:
    """`page_mark` is the mark in the first line, for all blocks without one. `unused_marks` precede no block."""

    def __init__(self, path, text):
        self.path, self.text = path, text
        self.blocks, self.unused_marks, self.page_mark = [], [], None
        self.prose = []  # all lines; those of blocks and comments are blank
        self._read(text.split("\n"))

    def _read(self, lines):
        block = mark = comment = None
        fence, indentation, may_be_output = "", "", False
        for number, line in enumerate(lines, 1):
            match = FENCE.fullmatch(line)
            kept = ""
            if block is not None:
                if match and not match[3] and len(match[2]) >= len(fence):
                    block, may_be_output = None, True
                else:
                    block.lines.append(line.removeprefix(indentation))
            elif comment is not None or line.strip().startswith("<!--"):
                comment = [number, line] if comment is None else [comment[0], comment[1] + "\n" + line]
                if "-->" in line:
                    if found := MARK.fullmatch(comment[1].strip()):
                        mark = Mark(found[1], found[2], found[3] or "", comment[0])
                        self.unused_marks.append(mark)
                    comment = None
                may_be_output = False
                self.prose.append("")
                continue
            elif match:
                indentation, fence, language = match[1], match[2], match[3]
                block = Block(language, match[4], number + 1, mark, may_be_output and language == "text")
                self.blocks.append(block)
                if mark:
                    self.unused_marks.remove(mark)
            else:
                kept = line
                may_be_output = may_be_output and not line.strip()
            mark = None
            self.prose.append(kept)
        if self.unused_marks and self.unused_marks[0].line == 1:
            self.page_mark = self.unused_marks.pop(0)

    def mark_of(self, block):
        return block.mark or self.page_mark

    @property
    def anchors(self):
        """The names that GitHub gives the headings."""
        names = []
        for line in self.prose:
            if heading := re.match(r"#{1,6}\s+(.*?)[\s#]*$", line):
                text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading[1]).lower()
                name = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
                same = sum(re.fullmatch(re.escape(name) + r"(-\d+)?", other) is not None for other in names)
                names.append(f"{name}-{same}" if same else name)
        return names

    @property
    def links(self):
        """(line, target) of every link and picture in prose."""
        for number, line in enumerate(self.prose, 1):
            # A code span may be the text of a link, but holds none.
            text = CODE.sub(lambda match: re.sub(r"[\[\]()<>]", "_", match[0]), line)
            for match in [*LINK.finditer(text), *HTML_LINK.finditer(CODE.sub("", line))]:
                yield number, match[1]
                for inner in LINK.finditer(match[0][1:]):  # a picture that is a link
                    yield number, inner[1]

    @property
    def spans(self):
        """(line, text) of every code span in prose."""
        for number, line in enumerate(self.prose, 1):
            for match in CODE.finditer(line):
                yield number, match[2].strip()

    @property
    def paragraphs(self):
        """Paragraphs and list items, without tables, headings, HTML and indented code."""
        paragraph = []
        for line in [*self.prose, ""]:
            text = re.sub(r"^(>\s*)+", "", line.strip())
            item = LIST_ITEM.match(text)
            is_text = text and not NO_PARAGRAPH.match(text) and (paragraph or item or not line.startswith("    "))
            if paragraph and (item or not is_text):
                yield " ".join(paragraph)
                paragraph = []
            if is_text:
                paragraph.append(text[item.end():] if item else text)
