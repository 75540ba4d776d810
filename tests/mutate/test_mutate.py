"""Tests of tests/mutate.sh's program, without a build: tests/mutate.sh --self-test"""

import contextlib
import io
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import belonging
import mutate
import places
from named import NAMED
from tree import Refused

ROOT = mutate.ROOT

KERNEL = '''using System;
namespace A;
// a comment with 3 < 4 and "a text"
[Attribute(5)]
public static class Softmax
{
    public const string Text = "6 < 7"; // 8
    private const int Warps = 8;
    public static readonly Kernel Forward = new("softmax_forward", static entry => new(entry)
    {
        LaunchShape = static (in Args a, in DeviceLimits _) => new((a.Rows + Warps - 1) / Warps, 32 * Warps),
        CountCost = (in Args a) =>
            new(5.0 * a.Rows * a.C, 2.0 * a.C),
    });
    private static int Of(int a, ulong seed) => a < 9 ? throw new DataException($"{path}: line {line} is empty") : Draw(seed, 1);
}
'''


def files_of_tree():
    paths = subprocess.run(["git", "ls-files", "src"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\n")
    return {path: (ROOT / path).read_text(encoding="utf-8") for path in paths if places.SOURCES.match(path) and not places.LEFT_OUT.search(path)}


class Drawing(unittest.TestCase):
    FILES = {"src/Kernels/Softmax/Softmax.cs": KERNEL, "src/Models/Records/Lines.cs": KERNEL}

    def changes(self, kind, path="src/Kernels/Softmax/Softmax.cs"):
        return {(place.before.strip(), place.after.strip()) for place in places.drawn(self.FILES, 1)[kind] if place.path == path}

    def test_each_kind_finds_its_places_and_changes_them(self):
        launch = "LaunchShape = static (in Args a, in DeviceLimits _) => new((a.Rows + Warps - 1) / Warps, 32 * Warps),"
        self.assertEqual({(launch, launch.replace(" - 1)", ")")), (launch, launch.replace(" / Warps", "")), (launch, launch.replace("32", "64"))}, self.changes("launch"))
        cost = "new(5.0 * a.Rows * a.C, 2.0 * a.C),"
        self.assertEqual({(cost, cost.replace("5.0", "10.0")), (cost, cost.replace("2.0", "4.0")), (cost, cost.replace(" * a.Rows", "")),
                          (cost, "new(5.0 * a.Rows, 2.0 * a.C),"), (cost, "new(5.0 * a.Rows * a.C, 2.0),")}, self.changes("cost"))
        self.assertEqual({("private const int Warps = 8;", "private const int Warps = 9;")}, {change for change in self.changes("constant") if " = 8" in change[0]})
        of = KERNEL.split("\n")[-3].strip()
        self.assertEqual({(of, of.replace("a < 9", "a <= 9"))}, self.changes("comparison"))
        self.assertEqual({(of, of.replace("Draw(seed, 1)", "Draw(0, 1)")), (of, of.replace("seed, 1", "seed, 0")), (of, of.replace("9", "8"))}, self.changes("seed"))
        self.assertEqual({(of, of.replace("{path}", "?")), (of, of.replace("{line}", "?"))}, self.changes("message", "src/Models/Records/Lines.cs"))

    def test_comments_texts_attributes_and_using_lines_are_left_out(self):
        numbers = {place.line for found in places.drawn(self.FILES, 1).values() for place in found}
        lines = [KERNEL.split("\n")[number - 1] for number in numbers]
        self.assertTrue(lines)
        self.assertFalse([line for line in lines if line.startswith(("using", "namespace", "//", "[")) or "Text =" in line])

    def test_the_same_seed_draws_the_same_another_seed_others(self):
        files = files_of_tree()
        first, again, other = (places.drawn(files, seed) for seed in (1, 1, 2))
        self.assertEqual(first, again)
        for kind in first:
            self.assertNotEqual(first[kind][:8], other[kind][:8], kind)

    def test_lines_above_change_nothing_but_numbers(self):
        moved = {path: "// one more line\n" + text for path, text in self.FILES.items()}
        for kind, found in places.drawn(self.FILES, 1).items():
            self.assertEqual([place.content for place in found], [place.content for place in places.drawn(moved, 1)[kind]])

    def test_the_repository_has_enough_of_each_kind(self):
        files = files_of_tree()
        drawn = places.drawn(files, 1)
        for kind, found in drawn.items():
            self.assertGreaterEqual(len(found), 5 * mutate.OF_EACH_KIND, kind)
            for place in found[:200]:
                self.assertNotEqual(place.before, place.after)
                self.assertEqual(place.before, files[place.path].split("\n")[place.line - 1])
        self.assertGreaterEqual(mutate.OF_EACH_KIND * len(drawn), 60)
        self.assertEqual(19, len(list(places.named_places(files, NAMED))))


class Belonging(unittest.TestCase):
    TESTS = {"Kernels": ['VideoSim.Kernels.Tests.CatalogTests.Twin(entry: "softmax_forward_f32")', 'VideoSim.Kernels.Tests.CatalogTests.Twin(entry: "adam_f32")'],
             "Engine": ['VideoSim.Engine.Tests.Cuda.RunGateTests.Kernel(entry: "softmax_forward_f32")', "VideoSim.Engine.Tests.Operators.SoftmaxTests.Forward"],
             "Models": ["VideoSim.Models.Tests.Training.ResumeTests.Run"], "Cli": []}

    def test_tests_of_the_kernel_come_first_all_tests_last(self):
        runs = belonging.stages("src/Kernels/Softmax/Softmax.cs", Drawing.FILES, self.TESTS)
        self.assertEqual(("Kernels", ['*(entry: "softmax_forward*']), runs[0])
        self.assertEqual(("Kernels", ["VideoSim.Kernels.Tests.*"]), runs[1])
        self.assertEqual(("Engine", ['*(entry: "softmax_forward*', "*.Operators.Softmax*"]), runs[2])
        self.assertEqual([("Kernels", []), ("Engine", []), ("Models", []), ("Cli", [])], runs[-4:])

    def test_every_file_has_tests(self):
        for path in files_of_tree():
            self.assertEqual([], belonging.stages(path, {}, self.TESTS)[-1][1], path)


class Judging(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name) / "results.tsv"
        self.chosen = list(mutate.slots(places.drawn(Drawing.FILES, 1), []))
        self.judged = []

    def run_all(self, verdict, reasons={}, most=100):
        """Judges like mutate.py; stops after some changes. What it printed, and whether no change survived."""
        results = mutate.Results(self.path)
        with contextlib.redirect_stdout(io.StringIO()) as output:
            for slot, candidates in self.chosen:
                if not results.of(slot) and len(self.judged) < most:
                    def first_failure(place):
                        self.judged.append(place.id)
                        return verdict(place)
                    mutate.judge(candidates, reasons, results, slot, first_failure)
            good = mutate.report(self.chosen, reasons, results)
        return output.getvalue(), good

    def test_what_was_judged_is_not_judged_again(self):
        self.run_all(lambda place: "ATest", most=3)
        with open(self.path, "a", encoding="utf-8") as file:
            file.write("cost-4\tcut off in the mid")
        self.run_all(lambda place: "ATest")
        self.assertEqual(len(self.judged), len(set(self.judged)))
        self.assertEqual(len(self.chosen), len(self.judged))

    def test_survivors_are_printed_with_their_change_and_fail(self):
        survivor = self.chosen[0][1][0]
        output, good = self.run_all(lambda place: None if place == survivor else "ATest")
        self.assertFalse(good)
        self.assertIn(f"{len(self.chosen) - 1} caught, 0 equivalent, 1 survived", output)
        self.assertIn(f"- {survivor.before.strip()}\n+ {survivor.after.strip()}", output)
        self.assertTrue(self.run_all(lambda place: "", {survivor.content: "the reason"})[1])

    def test_a_change_with_a_reason_is_not_run(self):
        place = self.chosen[0][1][0]
        output, good = self.run_all(lambda place: "ATest", {place.content: "the reason"})
        self.assertTrue(good)
        self.assertIn("1 equivalent, 0 survived", output)
        self.assertNotIn(place.id, self.judged)

    def test_for_a_change_that_a_compiler_refuses_another_is_drawn(self):
        slot, candidates = "cost-1", places.drawn(Drawing.FILES, 1)["cost"]
        self.chosen = [(slot, candidates)]

        def refuse(place):
            if place == candidates[0]:
                raise Refused("error CS1002")
            return "ATest"
        self.run_all(refuse)
        self.assertEqual(candidates[1].id, mutate.Results(self.path).of(slot)[1])

    def test_a_sample_rotates_through_all(self):
        all_slots = [(f"slot {i}", []) for i in range(83)]
        days = [mutate.sample(all_slots, day) for day in range(83)]
        self.assertEqual(days[3], mutate.sample(all_slots, 3))
        self.assertEqual({slot for slot, _ in all_slots}, {slot for day in days for slot, _ in day})

    def test_reasons_need_all_four_cells(self):
        self.assertEqual({("a", "b", "c"): "why"}, mutate.equivalents("# comment\na\tb\tc\twhy\n"))
        with self.assertRaises(SystemExit):
            mutate.equivalents("a\tb\tc\t\n")

    def test_every_listed_reason_is_of_a_line_that_exists(self):
        files = files_of_tree()
        for path, before, after in mutate.equivalents(mutate.EQUIVALENT.read_text(encoding="utf-8")):
            self.assertIn(before, [line.strip() for line in files[path].split("\n")], path)


if __name__ == "__main__":
    unittest.main()
