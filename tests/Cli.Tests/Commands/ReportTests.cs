using System.Globalization;
using System.Text.Json;
using VideoSim.Models.Metrics;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Cli.Tests.Commands;

/// <summary><c>report</c> on runs that were trained.</summary>
[Collection(nameof(CommandTests))]
public sealed class ReportTests(CommandWorld world)
{
    [Fact]
    public void Report_OfARun_HasItsValidation_AndTheSameBytesTwice()
    {
        string page = Path.Combine(world.New(), "report.html");
        var aloud = Shell.RunAloud("report", world.Pretrained, "--output", page);
        Assert.Equal(0, aloud.ExitCode);
        Assert.Contains($"{page}: report of 1 run, ", aloud.Error, StringComparison.Ordinal);
        byte[] first = File.ReadAllBytes(page);
        using var json = JsonDocument.Parse(Shell.Run("report", world.Pretrained, "--output", page, "--json").AssertDone().Output);
        Assert.Equal(first, File.ReadAllBytes(page));

        string[][] pairs = [.. File.ReadLines(Path.Combine(world.Pretrained, "validation.tsv")).Select(static line => line.Split('\t'))];
        double score = Spearman.Correlation(Column(3), Column(2))!.Value;
        var run = json.RootElement.GetProperty("runs")[0];
        Assert.Equal(score, run.GetProperty("last_validation").GetDouble());
        Assert.Equal(TinyData.Pairs, run.GetProperty("pairs").GetInt32());
        Assert.Equal(pairs.SelectMany(static pair => pair.Take(2)).Distinct().Count(), run.GetProperty("health").GetProperty("videos").GetInt32());
        string html = File.ReadAllText(page);
        Assert.Contains($"validation of {score.ToString("F4", CultureInfo.InvariantCulture).Replace('-', '\u2212')} after its 2 steps", html, StringComparison.Ordinal);
        Assert.Contains(json.RootElement.GetProperty("worst_pairs")[0].GetProperty("left_title").GetString()!, html, StringComparison.Ordinal);

        double[] Column(int at) => [.. pairs.Select(pair => double.Parse(pair[at], CultureInfo.InvariantCulture))];
    }

    [Fact]
    public void Report_BadUse_IsOneLine()
    {
        string file = world.New() + ".html";
        Shell.Run("report", world.Pretrained).AssertFailed(2, "report needs --output FILE.html or --json");
        Shell.Run("report", world.New(), "--json").AssertFailed(1, "there is no such folder");
        Shell.Run("report", world.Data, "--output", file).AssertFailed(1, world.Data, "is not the folder of a run");
        string folder = world.New() + ".html", arguments = Path.Combine(world.Pretrained, "args.json");
        Directory.CreateDirectory(folder);
        Shell.Run("report", world.Pretrained, "--output", folder).AssertFailed(1, folder);
        // A mistyped name would replace a file of the run.
        byte[] before = File.ReadAllBytes(arguments);
        Shell.Run("report", world.Pretrained, "--output", arguments).AssertFailed(2, $"--output {arguments}: the file's name must end in .html or .htm");
        Assert.Equal(before, File.ReadAllBytes(arguments));
        Shell.Run("report", world.Pretrained, "--output", file, "--bench", Path.Combine(world.Pretrained, "args.json")).AssertFailed(1, "args.json", "is not a result of 'bench --json'");
        Assert.False(File.Exists(file));
    }
}
