using System.Globalization;
using System.Text.RegularExpressions;
using VideoSim.Models.Profiling;
using Xunit;

namespace VideoSim.Models.Tests.Profiling;

/// <summary>What kernels move by design, against what has to be moved for what they compute.</summary>
public sealed class KernelFloorTests(CountedSteps counted) : IClassFixture<CountedSteps>
{
    [Fact]
    public void Floors_OfEveryFunction_AreNearWhatItsKernelsMove() => Assert.All(FloorRow.Of(counted.Steps), static row =>
    {
        string name = string.Join(" + ", row.Floor.Kernels);
        Assert.True(row.Ratio > 0.995, $"{name} moves {row.Moved.MovedBytes} bytes, less than has to be moved: {row.NecessaryBytes}"); // rows and labels in groups of 32 aside
        Assert.True(row.Floor.IsPart || row.Ratio <= KernelFloor.Allowed, $"{name} moves {row.Moved.MovedBytes} bytes for {row.NecessaryBytes}");
        Assert.True(row.Ratio < 1.05 || row.Floor.Why.Length > 0, $"{name} moves {row.Ratio} times its floor, and the table does not say why");
    });

    [Fact]
    public void Floors_EveryKernelOfABFloat16Step_IsInAFunctionThatIsJudged()
    {
        var launched = counted.Steps.SelectMany(static step => step.Launches).Where(static launch => !launch.IsProduct).Select(static launch => launch.Kernel.Entry).Distinct();
        Assert.Equal(launched.Order(), KernelFloor.All.Where(static floor => !floor.IsPart).SelectMany(static floor => floor.Kernels).Distinct().Order());
    }

    // A name that no step launches would leave its goals "not measured" after a run on a GPU, with nothing said.
    [Fact]
    public void Goals_EntriesThatTheyLookFor_AreLaunched()
    {
        string[] launched = [.. counted.Steps.SelectMany(static step => step.Launches).Where(static launch => !launch.IsProduct).Select(static launch => launch.Kernel.Entry).Distinct()];
        var lists = File.ReadLines(Path.Combine(AppContext.BaseDirectory, "goals.py")).Where(static line => Regex.IsMatch(line, "^(ATTENTION|NORM|TAGS|VLAD)"));
        string[] patterns = [.. lists.SelectMany(static line => Regex.Matches(line, "\"([^\"]+)\"")).Select(static match => match.Groups[1].Value)];
        Assert.InRange(patterns.Length, 10, 20);
        Assert.All(patterns, pattern => Assert.Contains(launched, entry => Regex.IsMatch(entry, $"^({pattern})$")));
    }

    // Products of the last layer that only some positions need are part of the goals' FLOPs, and no part of ours: 6 % of a step of mix.
    [Fact]
    public void Goals_WorkOfAStep_IsWhatStepsHave()
    {
        var rows = File.ReadLines(Path.Combine(AppContext.BaseDirectory, "goals.py"))
            .Select(static line => Regex.Match(line, @"^    \(""(\S+)"", ""(\S+)""\): \((\d+), ([\d.]+), ([\d.]+), ([\d_]+)\),")).Where(static row => row.Success)
            .ToDictionary(static row => $"{row.Groups[1].Value} {row.Groups[2].Value} bf16", static row => row.Groups);
        Assert.Equal(counted.Steps.Select(static step => step.Kind.ToString()).Order(), rows.Keys.Order());
        Assert.All(counted.Steps, step =>
        {
            double[] row = [.. rows[step.Kind.ToString()].Cast<Group>().Skip(3).Select(static group => double.Parse(group.Value.Replace("_", ""), CultureInfo.InvariantCulture))];
            var (batch, flops, bytes, parameters) = (row[0], 1e12 * row[1], 1e9 * row[2], row[3]);
            Assert.Equal(step.Sizes.B, step.Kind.Pretraining ? batch : 2 * batch);
            Assert.Equal(step.Sizes.Parameters, parameters);
            Assert.InRange(step.Sum(static launch => launch.IsProduct || launch.Kernel.Family == "attention").Flops / flops, 0.93, 1.01);
            Assert.InRange(step.Sum(static launch => !launch.IsProduct && launch.Kernel.Entry != "adam_f32").MovedBytes / bytes, 1, 2);
        });
    }

    [Fact]
    public void FloorRow_KernelThatMovesTwice_IsSeen()
    {
        var step = counted.Steps[0];
        var slower = step with { Launches = [.. step.Launches.Select(static launch => launch with { Cost = launch.Cost + launch.Cost })] };
        Assert.All(FloorRow.Of([slower, .. counted.Steps]).Where(row => row.Step == slower), static row => Assert.True(row.Ratio > KernelFloor.Allowed));
    }

    [Fact]
    public void FloorRow_KernelThatNoStepLaunches_Throws() =>
        Assert.Contains("adam_f32", Assert.Throws<InvalidOperationException>(static () => FloorRow.Of([])).Message, StringComparison.Ordinal);

    [Fact]
    public void Page_InTheRepository_IsWhatTheCodeSays()
    {
        string committed = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "floors.md"));
        Assert.True(FloorPage.Text(counted.Steps) == committed, "docs/kernels/floors.md is old: videosim kernels floors > docs/kernels/floors.md");
    }
}

/// <summary>All bf16 steps of the published sizes, counted once.</summary>
public sealed class CountedSteps
{
    /// <summary>The steps.</summary>
    public IReadOnlyList<CountedStep> Steps { get; } = FloorPage.CountSteps();
}
