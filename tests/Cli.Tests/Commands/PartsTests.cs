using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using VideoSim.Cli.Tests.Output;
using Xunit;

namespace VideoSim.Cli.Tests.Commands;

/// <summary>The options of reproduce that share its trainings among processes.</summary>
[Collection(nameof(CommandTests))]
public sealed class PartsTests(CommandWorld world)
{
    [Fact]
    public void Plan_OfACommand_HasItsWordsWithEachPart()
    {
        string output = world.New() + " it's";
        string[] command = ["reproduce", "--models", "mix", "uniter", "--folds=1", "--output-dir", output, "--preset", "micro", "--seed", "5", "--set", "pretrain.steps=3", "--set", "finetune.steps=3", "--plan"];
        var plan = JsonNode.Parse(Shell.Run([.. command, "--json"]).AssertDone().Output)!;
        var parts = plan["parts"]!.AsArray();
        Assert.Equal(["mix/pretrain", "uniter/pretrain", "mix/fold-1", "uniter/fold-1"], parts.Select(static part => (string)part!["name"]!));
        Assert.Equal(["index", "name", "state", "owner", "command", "needs", "flops", "memory_bytes", "seconds"], parts[0]!.AsObject().Select(static key => key.Key));
        string words = $"videosim reproduce --models mix uniter --folds 1 --output-dir '{output.Replace("'", "'\\''", StringComparison.Ordinal)}' --preset micro --seed 5 --set pretrain.steps=3 --set finetune.steps=3 --quiet";
        Assert.Equal(Enumerable.Range(1, 4).Select(i => $"{words} --part {i}"), parts.Select(static part => (string)part!["command"]!));
        Assert.Equal($"{words} --collect", (string)plan["collect"]!);
        Assert.False(Directory.Exists(output));

        string rates = world.New();
        File.WriteAllText(rates, """{"model":"uniter","stage":"finetune","median_milliseconds":10,"flops":1e6}""");
        string[][] rows = MarkdownTable.Parse(Shell.Run([.. command, "--rates", rates]).AssertDone().Output).Rows;
        Assert.Equal(["1 mix/pretrain free ", "2 uniter/pretrain free ", "3 mix/fold-1 waits 1", "4 uniter/fold-1 waits 2", " results  all"], rows.Select(static row => string.Join(' ', row.Take(4))));
        Assert.Equal([true, true, true, false, true], rows.Select(static row => row[6].Length == 0));
        Assert.EndsWith("--set finetune.steps=3 --quiet --part 4", rows[3][7], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"model":"mix" "stage":"pretrain"}""", "line 3: is not JSON: a comma is missing before '\"'")]
    [InlineData("""{"model":3}""", "line 3: 'model' is of another kind than expected")]
    [InlineData("""{"model":"mix","stage":"pretrain","median_milliseconds":0,"flops":1e6}""", "line 3: is not a result of 'bench --json' that measured a step")]
    [InlineData("""{"model":"mix","stage":"embed","median_milliseconds":10,"flops":1e6}""", "line 3: there is no part that trains 'mix' in stage 'embed'")]
    [InlineData("""{"model":"mix","stage":"pretrain","median_milliseconds":1e308,"flops":1e-300}""", "line 3: is not a result of 'bench --json' that measured a step")]
    public void Plan_BadRates_NamesTheLine(string line, string problem)
    {
        string rates = world.New();
        File.WriteAllText(rates, $$"""{"model":"uniter","stage":"finetune","median_milliseconds":10,"flops":1e6}{{"\n\n"}}{{line}}{{"\n"}}""");
        Shell.Run("reproduce", "--output-dir", world.New(), "--preset", "micro", "--plan", "--rates", rates).AssertFailed(1, $"error: {rates}: {problem}");
    }

    [Fact]
    public void Plan_RatesOfAnotherPreset_Warns()
    {
        string rates = world.New();
        File.WriteAllText(rates, """{"model":"mix","stage":"pretrain","preset":"tiny","median_milliseconds":10,"flops":1e6}""");
        string warning = Shell.Run("reproduce", "--output-dir", world.New(), "--preset", "micro", "--plan", "--rates", rates).Error;
        Assert.Equal($"{rates}: line 1: warning: was measured with preset 'tiny', not 'micro'; steps of other sizes have other rates\n", warning);
    }

    // A part that needs it would train, and the collection fail days later.
    [Fact]
    public void Part_RecordIsDamaged_IsSaidBeforeTheNextTraining()
    {
        string output = world.New();
        string[] command = Command(output);
        Shell.Run([.. command, "--part", "1"]).AssertDone();
        string record = Path.Combine(output, "parts", "mix.pretrain.json");
        File.WriteAllText(record, "{");
        foreach (string[] mode in new string[][] { ["--plan"], ["--part", "2"], ["--worker"] })
            Shell.Run([.. command, .. mode]).AssertFailed(1, $"{record}: line 1: is not JSON", $"delete {record} and do part 1 (mix/pretrain) again: it trains nothing");
        File.Delete(record);
        Shell.Run([.. command, "--worker"]).AssertDone();
    }

    [Fact]
    public void Worker_FolderOfOtherOptions_IsNotToldToDeleteIt()
    {
        string output = world.New();
        Shell.Run([.. Command(output), "--part", "1"]).AssertDone();
        var outcome = Shell.Run([.. Command(output), "--set", "pretrain.rate=0.5", "--worker"]);
        outcome.AssertFailed(1, $"{output} has a run with other arguments: set.pretrain.rate ");
        Assert.DoesNotContain("overwrite", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void WorkerAndCollect_WriteWhatOneProcessWrites()
    {
        string output = world.New(), rest = world.New();
        string[] command = Command(output);
        Shell.Run([.. command, "--collect"]).AssertFailed(1, $"{output}: 2 of 2 parts are not done: 1 to 2 (mix/pretrain to mix/fold-1)");
        Shell.Run([.. command, "--part", "mix/fold-1"]).AssertFailed(1, "mix/fold-1 needs mix/pretrain, which is not done: run --part 1 first");
        Assert.False(Directory.Exists(output));
        Assert.Equal("", Shell.Run([.. command, "--part", "1"]).AssertDone().Output);
        Assert.Equal("", Shell.Run([.. command, "--worker"]).AssertDone().Output);
        string printed = Shell.Run([.. command, "--collect", "--json"]).AssertDone().Output;
        Assert.True(File.Exists(Path.Combine(output, "report.html")));
        Assert.Equal(printed, Shell.Run([.. Command(rest), "--json"]).AssertDone().Output);
        foreach (string name in new[] { "summary.json", "result.zip" })
            Assert.Equal(File.ReadAllBytes(Path.Combine(rest, name)), File.ReadAllBytes(Path.Combine(output, name)));
        Assert.Equal("waits", (string)JsonNode.Parse(Shell.Run([.. Command(world.New()), "--plan", "--json"]).AssertDone().Output)!["parts"]![1]!["state"]!);
        Assert.Equal("done", (string)JsonNode.Parse(Shell.Run([.. command, "--plan", "--json"]).AssertDone().Output)!["parts"]![1]!["state"]!);
    }

    // Shell.Run is quiet.
    [Fact]
    public void WorkerAndCollect_OfAnotherKindOfMachine_WarnAlsoIfQuiet()
    {
        string output = world.New();
        string[] command = Command(output);
        Shell.Run([.. command, "--part", "1"]).AssertDone();
        string file = Path.Combine(output, "mix", "pretrain", "environment.json");
        File.WriteAllText(file, File.ReadAllText(file).Replace($"\"architecture\": \"{RuntimeInformation.ProcessArchitecture}\"", "\"architecture\": \"Riscv64\"", StringComparison.Ordinal));
        Assert.Equal($"mix/fold-1: warning: it continues on cpu ({RuntimeInformation.ProcessArchitecture}) after cpu (Riscv64); bits can differ\n", Shell.Run([.. command, "--worker"]).Error);
        Assert.StartsWith($"{output}: warning: between kinds of machines and versions of the program bits can differ: mix/pretrain on ", Shell.Run([.. command, "--collect"]).Error, StringComparison.Ordinal);
    }

    // Each part that fails is one line, and so is the end.
    [Fact]
    public void Worker_WithABadPart_DoesTheOthersAndFails()
    {
        string output = world.New();
        string[] command = ["reproduce", "--data", world.Data, "--output-dir", output, "--models", "mix", "mix-asl", "--folds", "1", .. CommandWorld.Options];
        Shell.Run([.. command, "--part", "1"]).AssertDone();
        File.Delete(Path.Combine(output, "mix", "pretrain", "last", "model.safetensors"));
        var outcome = Shell.Run([.. command, "--worker"]);
        string[] lines = outcome.Error.TrimEnd().Split('\n');
        Assert.Equal((1, 2), (outcome.ExitCode, lines.Length));
        Assert.StartsWith("error: mix/fold-1: ", lines[0], StringComparison.Ordinal);
        Assert.Equal("error: these parts are not done: 3 (mix/fold-1)", lines[1]);
        Assert.True(File.Exists(Path.Combine(output, "parts", "mix-asl.fold-1.json")));
    }

    [Theory]
    [InlineData("--plan and --part do not go together", "--part", "1", "--plan")]
    [InlineData("--worker and --collect do not go together", "--collect", "--worker")]
    [InlineData("--part and --overwrite-output-dir do not go together", "--part", "1", "--overwrite-output-dir")]
    [InlineData("--collect and --dry-run do not go together", "--collect", "--dry-run")]
    [InlineData("--worker and --study do not go together", "--worker", "--study", "claims")]
    [InlineData("--rates: only --plan estimates times", "--rates", "rates.jsonl")]
    [InlineData("--json: --worker has no result; --collect has", "--worker", "--json")]
    [InlineData("--takeover-after must be from 1 to 86400, not 0", "--worker", "--takeover-after", "0")]
    public void Options_ThatDoNotGoTogether_AreRefused(string complaint, params string[] options) =>
        Shell.Run(["reproduce", "--output-dir", world.New(), .. options]).AssertFailed(2, complaint);

    private string[] Command(string output) => ["reproduce", "--data", world.Data, "--output-dir", output, "--models", "mix", "--folds", "1", .. CommandWorld.Options];
}
