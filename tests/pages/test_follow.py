"""Tests of follow.py on pages and repositories made here: python3 -m unittest discover -s tests/pages"""

import contextlib
import io
import pathlib
import subprocess
import tempfile
import textwrap
import unittest
import unittest.mock

import follow
from markdown import Page


def page_of(text):
    return Page("page.md", textwrap.dedent(text).lstrip("\n"))


class Following(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        (self.root / "tracked.txt").write_text("one\ntwo\n")
        subprocess.run("git init -q . && git add .", shell=True, check=True, cwd=self.root)
        (self.root / "not-tracked.txt").write_text("three\n")

    def follow(self, text, full=False):
        """What is printed while the commands of a page run."""
        with contextlib.redirect_stdout(io.StringIO()) as output:
            follow.follow(page_of(text), self.root, full)
        return output.getvalue()

    def wrong(self, text, full=False):
        with self.assertRaises(follow.Wrong) as raised:
            self.follow(text, full)
        return str(raised.exception)

    def test_commands_run_in_a_copy_of_the_tracked_files(self):
        self.follow("""
            <!-- gate: run -->
            ```bash
            ls
            echo three >> tracked.txt
            ```

            ```text
            tracked.txt
            ```
            """)
        self.assertEqual("one\ntwo\n", (self.root / "tracked.txt").read_text())

    def test_a_block_in_a_list_is_indented(self):
        self.follow("""
            1. Item

               <!-- gate: run -->
               ```bash
               cat <<END
               one
                 two
               END
               ```

               ```text
               one
                 two
               ```
            """)

    def test_a_line_that_differs_is_named_with_page_and_number(self):
        error = self.wrong("""
            <!-- gate: run -->
            ```bash
            cat tracked.txt
            ```
            ```text
            one
            three
            ```
            """)
        self.assertIn("page.md:7: the output differs\n  the page says: three\n  is printed:    two", error)

    def test_lines_that_are_missing_or_too_many_are_errors(self):
        page = """
            <!-- gate: run -->
            ```bash
            cat tracked.txt
            ```
            ```text
            {}
            ```
            """
        self.assertIn("the page says nothing more\n  is printed:    two", self.wrong(page.format("one")))
        self.assertIn("the page says: three\n  is printed:    nothing more", self.wrong(page.format("one\n            two\n            three")))

    def test_a_command_that_fails_is_an_error_and_ends_the_block(self):
        error = self.wrong("""
            <!-- gate: run -->
            ```bash
            cat tracked.txt
            false
            echo never
            ```
            """)
        self.assertIn("page.md:3: exit code 1", error)
        self.assertTrue(error.endswith("one\ntwo\n"))

    def test_a_block_that_shows_an_error_has_to_fail(self):
        page = """
            <!-- gate: run fails -->
            ```bash
            {}
            ```
            """
        self.follow(page.format("cat no-such-file"))
        self.assertIn("exit code 0", self.wrong(page.format("cat tracked.txt")))

    def test_folder_and_variables_last_from_block_to_block(self):
        self.follow("""
            <!-- gate: run -->
            ```bash
            mkdir inner && cd inner
            export WORD="two words"
            ```
            <!-- gate: run -->
            ```bash
            echo "$WORD in $(basename "$PWD")"
            ```
            ```text
            two words in inner
            ```
            """)

    def test_blocks_run_where_their_marks_say(self):
        page = """
            <!-- gate: {} -->
            ```bash
            false
            ```
            """
        for mark, quick, full in (("run", True, True), ("full", False, True), ("other tests", False, False), ("none needs a GPU", False, False)):
            for runs, with_full in ((quick, False), (full, True)):
                if runs:
                    self.assertIn("exit code 1", self.wrong(page.format(mark), with_full), mark)
                else:
                    self.assertEqual("", self.follow(page.format(mark), with_full), mark)

    def test_a_mark_in_the_first_line_is_for_all_blocks_without_one(self):
        page = """
            <!-- gate: full -->
            # Title

            ```bash
            false
            ```
            """
        self.follow(page)
        self.assertIn("page.md:5: exit code 1", self.wrong(page, full=True))

    def test_preparation_runs_first_and_its_output_does_not_count(self):
        page = """
            <!-- gate: run
            echo prepared | tee file
            {}
            -->
            ```bash
            cat file
            ```
            ```text
            prepared
            ```
            """
        self.follow(page.format("true"))
        self.assertIn("page.md:1: exit code 1 of the preparation", self.wrong(page.format("false")))

    def test_console_compares_each_command_whatever_its_exit_code(self):
        page = """
            <!-- gate: run -->
            ```console
            $ cat > file <<END
            $ no command
            END
            $ grep -c command file
            1
            $ echo error >&2; exit 3
            {}
            ```
            """
        self.follow(page.format("error"))
        self.assertIn("page.md:9: the output differs", self.wrong(page.format("warning")))

    def test_files_are_written_and_changes_applied(self):
        page = """
            <!-- gate: run -->
            ```csharp inner/New.cs
            class New;
            ```
            <!-- gate: run -->
            ```diff
            --- a/tracked.txt
            +++ b/tracked.txt
            @@ -1,2 +1,2 @@
            -{}
            +first
             two
            ```
            <!-- gate: run -->
            ```bash
            cat inner/New.cs tracked.txt
            ```
            ```text
            class New;
            first
            two
            ```
            """
        self.follow(page.format("one"))
        self.assertIn("page.md:7: the change cannot be applied", self.wrong(page.format("none")))

    def test_a_block_that_never_ends_is_stopped(self):
        before = dict(follow.LONGEST)
        self.addCleanup(follow.LONGEST.update, before)
        follow.LONGEST[False] = 1
        self.assertIn("stopped after 1 s", self.wrong("""
            <!-- gate: run -->
            ```bash
            sleep 60
            ```
            """))

    def test_only_blocks_for_the_emulator_have_its_libraries(self):
        program = self.root / "src/Cli/bin/Release/net10.0/videosim.dll"
        program.parent.mkdir(parents=True)
        program.touch()
        dotnet = self.root / "dotnet"
        dotnet.write_text("#!/bin/bash\necho /emulator\n")
        dotnet.chmod(0o755)
        with unittest.mock.patch.dict("os.environ", {"VIDEOSIM_CUDA_PATH": "/nvrtc", "PATH": f"{self.root}:/usr/bin:/bin"}):
            self.follow("""
                <!-- gate: emulator -->
                ```bash
                echo "$VIDEOSIM_CUDA_PATH"
                ```
                ```text
                /emulator:/nvrtc
                ```
                <!-- gate: run -->
                ```bash
                echo "path: $VIDEOSIM_CUDA_PATH"
                ```
                ```text
                path:
                ```
                """)


class Starting(unittest.TestCase):
    """The function `dotnet` starts the build of .ci/run, or that of the page."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.work = pathlib.Path(folder.name)
        (self.work / "dotnet").write_text('#!/bin/bash\necho "dotnet $*"\n')
        (self.work / "dotnet").chmod(0o755)
        self.environment = {"PATH": f"{self.work}:/usr/bin:/bin", "PAGE_TREE": str(self.work / "tree"), "PAGE_BUILT": str(self.work / "built")}
        self.build("built", "src/Cli", "videosim")
        self.build("built", "samples/Mlp", "VideoSim.Mlp")
        self.build("built", "bench/Cpu.Bench", "VideoSim.Cpu.Bench")

    def build(self, tree, project, name):
        folder = self.work / tree / project / "bin" / "Release" / "net10.0"
        folder.mkdir(parents=True)
        (folder / f"{name}.dll").touch()

    def output(self, command):
        text = subprocess.run(["bash", "-ec", f". '{follow.SHELL}'\n{command}"], env=self.environment, check=True, capture_output=True, text=True).stdout
        return text.strip().replace(f"{self.work}/", "").replace("/bin/Release/net10.0", "")

    def test_projects_start_without_a_build(self):
        self.assertEqual("dotnet built/src/Cli/videosim.dll devices --json", self.output("dotnet run -c Release --project src/Cli -- devices --json"))
        self.assertEqual("dotnet built/src/Cli/videosim.dll devices", self.output("dotnet run -c Release --no-build --project src/Cli -- devices"))
        self.assertEqual("dotnet built/src/Cli/videosim.dll devices --set a=b c", self.output("videosim devices --set a='b c'"))
        self.assertEqual("dotnet built/samples/Mlp/VideoSim.Mlp.dll cuda", self.output("dotnet run -c Release --project samples/Mlp cuda"))
        self.assertEqual("dotnet built/bench/Cpu.Bench/VideoSim.Cpu.Bench.dll --list flat", self.output("dotnet run -c Release --project bench/Cpu.Bench -- --list flat"))
        self.build("tree", "src/Cli", "videosim")
        self.assertEqual("dotnet tree/src/Cli/videosim.dll devices", self.output("videosim devices"))

    def test_scripts_and_later_blocks_have_the_functions(self):
        self.assertEqual("dotnet built/src/Cli/videosim.dll devices", self.output("bash -c 'videosim devices'"))

    def test_a_project_without_a_build_fails(self):
        with self.assertRaises(subprocess.CalledProcessError):
            self.output("dotnet run -c Release --project samples/TextClassifier")

    def test_other_commands_are_the_real_ones(self):
        for command in ("dotnet build -c Release", "dotnet run -c Release --project bench/Tables", "dotnet test -c Release"):
            self.assertEqual(command, self.output(command))


class Comparing(unittest.TestCase):
    def assert_fits(self, expected, actual):
        self.assertIsNone(follow.difference(expected.split("\n"), actual.split("\n")))

    def assert_differs(self, expected, actual):
        self.assertIsNotNone(follow.difference(expected.split("\n"), actual.split("\n")))

    def test_dots_stand_for_lines_and_for_parts_of_a_line(self):
        self.assert_fits("one\n...\nfour", "one\ntwo\nthree\nfour")
        self.assert_fits("one\n...\ntwo", "one\ntwo")
        self.assert_fits("took ... s, … MB", "took 3.2 s, 17 MB")
        self.assert_differs("one\n...\nfive", "one\ntwo\nthree\nfour")
        self.assert_differs("took ... s", "took 3.2 ms")
        self.assert_differs("a (1) [x]*", "a 1 xxx")
        self.assert_fits("...\nb\n...\nb", "a\nb\nc\nb")

    def test_blanks_and_rules_of_tables_have_any_length(self):
        self.assert_fits("| a  | b |\n| -- | --: |", "| a      | b   |\n| ------ | ---: |")


if __name__ == "__main__":
    unittest.main()
