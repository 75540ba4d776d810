using System.Globalization;
using System.Text.Json;
using VideoSim.Cli.Tests.Output;
using Xunit;

namespace VideoSim.Cli.Tests.Commands;

[Collection(nameof(CommandTests))]
public sealed class BenchTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("videosim-test-").FullName;

    [Theory]
    [InlineData("mix", "pretrain")]
    [InlineData("uniter-roformer", "finetune")]
    public void Bench_Step_TellsTimeAndWorkOfEveryKernel(string model, string stage)
    {
        var outcome = Shell.Run("bench", "--model", model, "--stage", stage, "--preset", "micro", "--steps", "3", "--json").AssertDone();
        using var json = JsonDocument.Parse(outcome.Output);
        var step = json.RootElement;
        Assert.Equal((model, stage, 3), (step.GetProperty("model").GetString(), step.GetProperty("stage").GetString(), step.GetProperty("steps").GetInt32()));
        Assert.InRange(step.GetProperty("best_milliseconds").GetDouble(), 1e-3, step.GetProperty("median_milliseconds").GetDouble());
        var kernels = step.GetProperty("kernels").EnumerateArray().ToList();
        Assert.Equal(step.GetProperty("launches").GetInt32(), kernels.Sum(static kernel => kernel.GetProperty("launches").GetInt32()));
        Assert.Equal(step.GetProperty("flops").GetDouble(), kernels.Sum(static kernel => kernel.GetProperty("flops").GetDouble()), 1e-6 * step.GetProperty("flops").GetDouble());
        Assert.Contains("adam_f32", kernels.Select(static kernel => kernel.GetProperty("entry").GetString()));
        Assert.True(step.GetProperty("p10_milliseconds").GetDouble() <= step.GetProperty("p90_milliseconds").GetDouble());
        Assert.InRange(step.GetProperty("memory_bytes").GetInt64(), 1 << 20, 1L << 40);
    }

    [Fact]
    public void Compare_PlantedTenPercent_IsFoundAndFailsAboveTheThreshold()
    {
        string a = Rounds("a", 1), b = Rounds("b", 1.1);
        var same = Shell.RunAloud("bench", "compare", a, a);
        Assert.Equal((0, "1 rows: beyond noise 0 slower, 0 faster\n"), (same.ExitCode, same.Error));
        var outcome = Shell.Run("bench", "compare", a, b, "--threshold", "5");
        outcome.AssertFailed(1, "1 rows are slower by more than 5 %, most of all mix pretrain (videosim, tiny, batch 64): 1.10 times the time");
        string[] row = Assert.Single(MarkdownTable.Parse(outcome.Output).Rows);
        Assert.Equal(["steps", "mix pretrain, tiny, batch 64, cpu, 2 threads", "videosim", "8", "8.8", "1.10", "1.08-1.12", "", "slower"], row);
        Shell.Run("bench", "compare", a, b, "--threshold", "20").AssertDone();
        Shell.Run("bench", "compare", b, a, "--threshold", "5").AssertDone();
        using var json = JsonDocument.Parse(Shell.Run("bench", "compare", b, a, "--json").AssertDone().Output);
        Assert.True(json.RootElement.GetProperty("differences")[0].GetProperty("is_faster").GetBoolean());
    }

    // In most rounds the machine was busy; two were undisturbed on each side.
    [Fact]
    public void Compare_PlantedTenPercentOnABusyMachine_IsFoundInTheFastest()
    {
        double[] busy = [8, 9, 11, 8, 12, 10, 9, 10];
        var outcome = Shell.Run("bench", "compare", Rounds("a", 1, rounds: busy), Rounds("b", 1.1, rounds: busy), "--threshold", "5");
        outcome.AssertFailed(1, "1 rows are slower by more than 5 %, most of all mix pretrain (videosim, tiny, batch 64): 1.10 times the time");
        Assert.Equal(["9.5", "10.45", "1.10", "0.80-1.51", "1.10, 1.10-1.10", "slower"], Assert.Single(MarkdownTable.Parse(outcome.Output).Rows)[3..]);
    }

    [Fact]
    public void Compare_BadInput_IsOneLine()
    {
        Shell.Run("bench", "compare", Rounds("c", 1), Path.Combine(_folder, "none")).AssertFailed(1, "none");
        Shell.Run("bench", "compare", _folder).AssertFailed(2, "'bench compare' needs A and B");
        Shell.Run("bench", "compare", "a", "b", "--threshold", "-1").AssertFailed(2, "--threshold must be from 0 to 1000, not -1");
        Shell.Run("bench", "comprae", "a", "b").AssertFailed(2, "there is no command 'bench comprae'; did you mean 'bench compare'?");
        Shell.Run("bench", "compare", Rounds("c", 1), Rounds("d", 1, "uniter")).AssertFailed(1, "have no row in common");
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    // A folder of results, one for each round.
    private string Rounds(string name, double factor, string model = "mix", double[]? rounds = null)
    {
        string folder = Directory.CreateDirectory(Path.Combine(_folder, name)).FullName;
        rounds ??= [8, 7.9, 8.05, 8, 8.1];
        for (int i = 0; i < rounds.Length; i++)
            File.WriteAllText(Path.Combine(folder, $"{i}.json"), Step(factor * rounds[i], model));
        return folder;
    }

    private static string Step(double milliseconds, string model) => string.Create(CultureInfo.InvariantCulture, $$"""
        {"date":"2026-11-29T21:00:00Z","commit":"c0ffee","machine":"2 cores, .NET 10","processor":"EPYC","device":"cpu (2 threads)","others_cores":0.1,"model":"{{model}}","stage":"pretrain","preset":"tiny","batch":64,"steps":9,
         "median_milliseconds":{{milliseconds}},"best_milliseconds":{{milliseconds}},"p10_milliseconds":{{milliseconds}},"p90_milliseconds":{{milliseconds}},"memory_bytes":null,"flops":5e9,"kernels":[]}
        """);
}
