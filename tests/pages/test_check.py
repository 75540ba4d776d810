"""Tests of check.py: each fault is planted in a repository made here, in which there is none."""

import pathlib
import subprocess
import tempfile
import unittest

import check

RUN = 'gate "tests" passes_tests\n'
SOUND = {
    ".ci/run": "#!/bin/bash\n# Runs all gates.\n" + RUN,
    "README.md": "# Title\n\nRead [the index](docs/README.md#two-words), [this](#title) and `src/A.cs`.\n\n<!-- gate: other tests -->\n```bash\ndotnet test -c Release\n```\n\n```text\nvideosim is tested\n```\n",
    "docs/README.md": "# Index\n\n## Two words\n\n[Page](page.md), `Kernel.cu`, `src/*.cs`, `src/Kernels/X/X.cs`, [the root](../README.md)\n",
    "docs/page.md": "# Page\n\n## Two `words`\n\n## Two words\n\n[second](#two-words-1)\n",
    "src/A.cs": '/// <summary>See docs/page.md.</summary>\nclass A { string s = "// no comment"; } // behind code\n',
    "src/Kernel.cu": "// y = x\n",
}


class Checking(unittest.TestCase):
    def faults(self, changes={}, removed=()):
        """Places and faults, of a sound repository with some changes."""
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for path, text in {**SOUND, **changes}.items():
                if path not in removed:
                    (root / path).parent.mkdir(parents=True, exist_ok=True)
                    (root / path).write_text(text, encoding="utf-8")
            subprocess.run("git init -q . && git add .", shell=True, check=True, cwd=root)
            repository = check.Repository(root)
            return [f"{path}:{line}: {fault}" for checks in check.CHECKS for path, line, fault in checks(repository)]

    def assert_found(self, place_and_fault, changes, removed=()):
        found = self.faults(changes, removed)
        self.assertEqual(1, len(found), found)
        self.assertIn(place_and_fault, found[0])

    def with_line(self, path, line):
        return {path: SOUND[path] + line + "\n"}

    def test_a_sound_repository_has_no_fault(self):
        self.assertEqual([], self.faults())

    def test_links_lead_to_files_and_headings(self):
        self.assert_found("README.md:13: the link leads nowhere: docs/none.md", self.with_line("README.md", "[a](docs/none.md)"))
        self.assert_found("README.md:13: the link leads nowhere: a.svg", self.with_line("README.md", '<img src="a.svg">'))
        self.assert_found("README.md:13: docs/page.md has no heading for the link docs/page.md#words", self.with_line("README.md", "[`a`](docs/page.md#words)"))
        self.assert_found("README.md:13: README.md has no heading for the link #words", self.with_line("README.md", "[a](#words)"))
        self.assert_found("src/A.cs:3: the link leads nowhere: docs/none.md", self.with_line("src/A.cs", "// docs/none.md"))

    def test_links_in_code_are_text(self):
        self.assertEqual([], self.faults(self.with_line("README.md", "`[a](b.md)`\n```text\n[a](b.md)\n```")))

    def test_files_in_code_spans_exist(self):
        self.assert_found("README.md:13: there is no such file: src/B.cs", self.with_line("README.md", "`src/B.cs`"))
        self.assert_found("README.md:13: there is no such file: tests/b.sh", self.with_line("README.md", "`tests/b.sh --all`"))
        self.assert_found("README.md:13: there is no such file: B.cs", self.with_line("README.md", "`B.cs`"))
        self.assert_found("README.md:13: there is no such file: src/*.cpp", self.with_line("README.md", "`src/*.cpp`"))

    def test_nothing_refers_to_documents_that_are_absent(self):
        for text in ("specification 4.7", "Specification, section 3", "the fact sheet", "in issue 12",
                     "issue #12", "/home/a/clone", "/mnt/disk/clone", "/root/.cache", "https://packages.example.com/x"):
            for path in ("README.md", "src/A.cs"):
                self.assert_found(f"{path}:{len(SOUND[path].splitlines()) + 1}: ", self.with_line(path, f"// {text}"))

    def test_words_that_only_look_alike_are_no_faults(self):
        for text in ("a specification of the format, tests/Shared/File, the design / build", "they issue 64 instructions", "an issue: https://github.com/o/r/issues/12, $root/x, networks/of"):
            self.assertEqual([], self.faults(self.with_line("src/A.cs", "// " + text)))

    def test_prose_in_comments_is_shorter_than_120_characters(self):
        for path, begin, end in (("src/A.cs", "// ", ""), ("src/A.cs", "/// ", ""), ("src/A.cs", "/* ", " */"), ("src/Kernel.cu", "    // ", ""), (".ci/run", "# ", ""), ("src/a.py", "# ", ""),
                                 ("src/a.py", '"""', '"""'), ("src/a.csproj", "<!-- ", " -->")):
            longest = begin + "x" * (119 - len(begin + end)) + end
            before = SOUND.get(path, "")
            self.assertEqual([], self.faults({path: before + longest + "\n"}))
            number = before.count("\n") + 1
            self.assert_found(f"{path}:{number}: a line of a comment has 120 characters", {path: before + longest.replace("x", "xx", 1) + "\n"})

    def test_code_may_be_longer(self):
        self.assertEqual([], self.faults(self.with_line("src/A.cs", "int " + "x" * 200 + "; // short")))
        self.assertEqual([], self.faults(self.with_line("src/A.cs", 'string s = "// ' + "x" * 200 + '";')))

    def test_each_block_of_commands_has_a_gate_that_exists(self):
        block = "```bash\nls\n```"
        self.assert_found("README.md:14: no gate runs this block", self.with_line("README.md", block))
        self.assert_found("README.md:14: no gate runs this block", self.with_line("README.md", "```csharp src/New.cs\nclass New;\n```"))
        self.assert_found("README.md:14: a block has no language", self.with_line("README.md", "```\nvideosim devices\n```"))
        self.assert_found("README.md:15: .ci/run has no gate 'test'", self.with_line("README.md", "<!-- gate: other test -->\n" + block))
        self.assert_found("README.md:15: there is no gate 'runs'", self.with_line("README.md", "<!-- gate: runs -->\n" + block))
        self.assert_found("README.md:15: gate: none needs a reason", self.with_line("README.md", "<!-- gate: none -->\n" + block))
        self.assert_found("README.md:13: no block follows this gate", self.with_line("README.md", "<!-- gate: run -->\n\n"))
        self.assert_found("README.md:15: a gate is named for a block that has no commands", self.with_line("README.md", "<!-- gate: run -->\n```text\nls\n```"))
        for mark in ("run", "full", "emulator", "emulator full fails", "none needs a GPU"):
            self.assertEqual([], self.faults(self.with_line("README.md", f"<!-- gate: {mark} -->\n{block}")), mark)

    def test_a_part_of_a_file_is_as_in_the_file(self):
        page = "<!-- gate: part of src/B.cs -->\n```csharp\none;\n    two;\n{}```"
        file = {"src/B.cs": "zero;\n  one;\n  two;\n  three;\n"}
        self.assertEqual([], self.faults({**file, **self.with_line("README.md", page.format(""))}))
        self.assert_found("README.md:15: src/B.cs has no such lines; the first that it lacks: four;", {**file, **self.with_line("README.md", page.format("four;\n"))})
        self.assert_found("README.md:15: there is no such file: src/B.cs", self.with_line("README.md", page.format("")))

    def test_each_page_below_docs_can_be_reached(self):
        self.assert_found("docs/adr/1.md:1: no links lead here from docs/README.md", {"docs/adr/1.md": "# Decision\n"})
        self.assertEqual([], self.faults({"docs/adr/1.md": "# Decision\n", **self.with_line("docs/page.md", "[a](adr/1.md)")}))


if __name__ == "__main__":
    unittest.main()
