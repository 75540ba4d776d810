using System.Text.Json;
using VideoSim.Cli.Tests.Output;
using VideoSim.Models.Profiling;
using VideoSim.Suite;
using Xunit;

namespace VideoSim.Cli.Tests.Suite;

/// <summary>Order, budgets and interruption of the parts of bench/all, with programs that only take time.</summary>
public sealed class SuiteRunTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("videosim-test-").FullName;
    private readonly TestClock _clock = new();
    private readonly List<string> _started = [], _lines = [];
    private readonly CancellationTokenSource _stop = new();

    // What a program does: its name and the time that is left give its end.
    private Func<string, TimeSpan, JobEnd> _program = static (_, _) => new JobEnd(IsCut: false, Failure: null);
    private readonly TimeSpan _time = TimeSpan.FromSeconds(10);

    public void Dispose()
    {
        _stop.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void Rounds_OfAllParts_AreSpreadOverTheRun()
    {
        var run = Run(Part("a", 100, 2, "x", "y"), Part("b", 100, 3, "z"));
        Assert.Equal(["x", "y", "z", "x", "y", "z", "z"], _started);
        Assert.Equal(["a: done 40", "b: done 30"], Statuses(run));
        Assert.Equal([2, 2, 3], run.Rows.Select(static row => row.Milliseconds.Rounds.Count));
        Assert.Equal(["a", "a", "b"], run.Rows.Select(static row => row.Part));
        Assert.Equal("a, round 1 of 2: x (3:20 left at most)", _lines[0]);
        Assert.Equal("b, round 3 of 3: z (2:20 left at most)", _lines[^1]);
    }

    [Fact]
    public void Part_AtTheEndOfItsBudget_IsCutAndKeepsItsRounds()
    {
        // Two rounds fit; the third is ended by its limit, and the fourth does not begin.
        _program = (_, left) =>
        {
            if (left >= _time)
                return new JobEnd(IsCut: false, Failure: null);
            _clock.Now += left - _time;
            return new JobEnd(IsCut: true, Failure: null);
        };
        var run = Run(Part("a", 25, 4, "x"), Part("b", 100, 1, "y"));
        Assert.Equal(["x", "y", "x", "x"], _started);
        Assert.Equal(["a: cut 25 the time was used up in round 3 of 4", "b: done 10"], Statuses(run));
        Assert.Equal(2, run.Rows[0].Milliseconds.Rounds.Count);
    }

    [Fact]
    public void Part_ThatWritesBeforeItIsEnded_KeepsThatToo()
    {
        _program = (_, _) =>
        {
            WriteRow(1);
            return new JobEnd(IsCut: true, Failure: null);
        };
        Assert.Equal("the time was used up in round 1 of 1", Assert.Single(Run(Part("a", 10, 1, "x")).Parts).Reason);
        Assert.Single(_saved[^1]);
    }

    [Fact]
    public void Stop_InARound_KeepsWhatIsDoneAndNamesTheRest()
    {
        _program = (name, _) =>
        {
            if (name == "y")
                _stop.Cancel();
            return new JobEnd(_stop.IsCancellationRequested, Failure: null);
        };
        var run = Run(Part("a", 100, 2, "x"), Part("b", 100, 2, "y"), Part("c", 100, 1, "z"));
        Assert.Equal(["x", "y"], _started);
        Assert.Equal(["a: cut 10 the run was stopped in round 2 of 2", "b: not measured 10 the run was stopped in round 1 of 2", "c: not measured 0 the run was stopped in round 1 of 1"], Statuses(run));
        Assert.Equal("x", Assert.Single(_saved[^1]).Name);
    }

    [Fact]
    public void Part_ThatFailsOrIsNotInstalled_IsNotMeasuredAndTheOthersGoOn()
    {
        _program = static (name, _) => new JobEnd(IsCut: false, name == "x" ? "it fell over" : null);
        var run = Run(Part("a", 100, 1, "x"), Part("b", 100, 1, "y") with { Missing = "it is not installed" }, Part("c", 100, 1, "z"));
        Assert.Equal(["a: not measured 10 x failed: it fell over", "b: not measured 0 it is not installed", "c: done 10"], Statuses(run));
        Assert.Equal("b: not measured: it is not installed", _lines[0]);
        Assert.Equal(["x", "z"], _started);
    }

    // A row without a floor gets one by the best rates of the run: here of the second part.
    [Fact]
    public void Floors_OfRows_FollowFromTheRatesOfTheRun()
    {
        var rates = Part("b", 100, 2, "y");
        int round = 0;
        rates = rates with { Jobs = [rates.Jobs[0] with { Read = file => RoundResults.OfRows(file) with { Ceilings = round++ == 0 ? new BenchCeilings(1e9, 1e12) : new BenchCeilings(2e9, 1e11) } }] };
        var counted = Part("a", 100, 1, "x");
        counted = counted with { Jobs = [counted.Jobs[0] with { Read = file => RoundResults.OfRows(file) with { Rows = [RoundResults.OfRows(file).Rows[0] with { Bytes = 6e6, Flops = 1e9 }] } }] };
        var run = Run(counted, rates);
        Assert.Equal(new BenchCeilings(2e9, 1e12), run.Ceilings);
        Assert.Equal([3.0, null], run.Rows.Select(static row => row.FloorMilliseconds));
    }

    [Fact]
    public void Results_ThatCannotBeRead_AreTheReason()
    {
        _program = (_, _) =>
        {
            File.WriteAllText(_file, "[");
            return new JobEnd(IsCut: false, Failure: null);
        };
        Assert.Contains("is not JSON", Assert.Single(Run(Part("a", 100, 1, "x")).Parts).Reason, StringComparison.Ordinal);
    }

    private readonly List<IReadOnlyList<BenchRow>> _saved = [];
    private string _file = "";

    private SuiteRun Run(params SuitePart[] parts)
    {
        var run = new SuiteRun(parts, _folder, Start, _clock, _lines.Add);
        run.Run(() => _saved.Add(run.Rows), _stop.Token);
        return run;
    }

    private JobEnd Start(SuiteJob job, string file, TimeSpan limit, CancellationToken cancellation)
    {
        Assert.Equal(_stop.Token, cancellation);
        _started.Add(job.Name);
        _file = file;
        _clock.Now += _time;
        var end = _program(job.Name, limit);
        if (end is { IsCut: false, Failure: null } && !File.Exists(file))
            WriteRow(_started.Count, job.Name);
        return end;
    }

    private void WriteRow(double milliseconds, string name = "x") => File.WriteAllText(_file, JsonSerializer.Serialize(
        [new BenchRow("", name, "f", "videosim", "", null, "cpu", 2, RowTime.Of(milliseconds, milliseconds, milliseconds, milliseconds, 1), null, null, null, null, null, null)], BenchRunJson.Default.IReadOnlyListBenchRow));

    private static SuitePart Part(string name, int seconds, int rounds, params string[] jobs) =>
        new(name, TimeSpan.FromSeconds(seconds), rounds, [.. jobs.Select(static job => new SuiteJob(job, [], RoundResults.OfRows))]);

    private static string[] Statuses(SuiteRun run) => [.. run.Parts.Select(static part => $"{part.Name}: {part.Status} {part.Seconds} {part.Reason}".TrimEnd())];
}
