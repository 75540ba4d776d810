"""Comments of source files, line by line."""

import ast
import io
import re
import tokenize
from dataclasses import dataclass

# Comments, strings and characters, in this order. A string of C# may begin with $ and @; three quotes begin a raw one.
C_LIKE = re.compile(r"""
      (?P<comment>//[^\n]*|/\*.*?\*/)
    | \$*\"{3,}.*?\"{3,}
    | (?:\$@|@\$|@)"(?:[^"]|"")*"
    | R"\(.*?\)"
    | \$?"(?:[^"\\\n]|\\.)*"
    | (?<!\w)'(?:[^'\\\n]|\\.)+'
    """, re.S | re.X)
XML = re.compile(r"(?P<comment><!--.*?-->)", re.S)
SIGNS = re.compile(r"^(//+|/\*+|<!--|\*(?!/))|(\*+/|-->)$")


@dataclass(frozen=True)
class Line:
    """A line of a comment: its number from 1, its text without the comment's signs, and whether code precedes it."""

    number: int
    text: str
    is_behind_code: bool


def lines_of(path, text):
    """Lines of all comments of a file, docstrings of Python included; none for other kinds of files."""
    if re.search(r"\.(cs|cu|cuh|cpp|h|mjs)$", path):
        return _matched(C_LIKE, text)
    if re.search(r"\.(csproj|props)$", path):
        return _matched(XML, text)
    if path.endswith(".py"):
        return _of_python(text)
    if text.startswith("#!/bin/bash") or re.search(r"(^|/)\.(editorconfig|gitignore|gitattributes)$", path):
        return _of_shell(text)
    return []


def _matched(pattern, text):
    found = []
    for match in pattern.finditer(text):
        if comment := match["comment"]:
            number = text.count("\n", 0, match.start()) + 1
            code = text[text.rfind("\n", 0, match.start()) + 1:match.start()].strip()
            for i, line in enumerate(comment.split("\n")):
                found.append(Line(number + i, SIGNS.sub("", line.strip()).rstrip(), bool(code) and i == 0))
    return found


def _of_python(text):
    found = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and not token.string.startswith("#!"):
            found.append(Line(token.start[0], token.string[1:], bool(token.line[:token.start[1]].strip())))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and ast.get_docstring(node, clean=False):
            for i, line in enumerate(ast.get_docstring(node, clean=False).split("\n")):
                found.append(Line(node.body[0].lineno + i, line, False))
    return sorted(found, key=lambda line: line.number)


def _of_shell(text):
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        match = re.search(r"(?:^|(?<=\s))#(?=\s)", line)
        code = line[:match.start()] if match else ""
        if match and code.count("'") % 2 == 0 and code.count('"') % 2 == 0:
            found.append(Line(number, line[match.end():], bool(code.strip())))
    return found
