using System.Diagnostics;
using VideoSim.Suite;
using Xunit;

namespace VideoSim.Cli.Tests.Suite;

/// <summary>Programs that bench/all starts, and how it ends them.</summary>
public sealed class ChildProgramTests : IDisposable
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(5);

    private readonly string _folder = Directory.CreateTempSubdirectory("videosim-test-").FullName;
    private readonly StringWriter _log = new();

    private string Output => Path.Combine(_folder, "results.json");

    public void Dispose()
    {
        _log.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void Output_OfAProgram_IsTheFileAndItsMessagesAreTheLog()
    {
        Assert.Equal(new JobEnd(false, null), Start("echo result; echo message >&2", Long));
        Assert.Equal("result\n", File.ReadAllText(Output));
        Assert.Contains("message", _log.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Program_ThatWritesItsFile_GetsItsName()
    {
        Assert.Equal(new JobEnd(false, null), Start("echo result > $0; echo table", Long, SuiteJob.File));
        Assert.Equal("result\n", File.ReadAllText(Output));
        Assert.Contains("table", _log.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Failure_OfAProgram_IsItsLastLine()
    {
        Assert.Equal(new JobEnd(false, "error: no"), Start("echo first >&2; echo error: no >&2; exit 1", Long));
        Assert.Equal(new JobEnd(false, "exit code 3"), Start("exit 3", Long));
        var missing = new ChildProgram(_log).Run(new SuiteJob("job", ["/no/such/program"], RoundResults.OfRows), Output, Long, TestContext.Current.CancellationToken);
        Assert.Contains("/no/such/program", missing.Failure, StringComparison.Ordinal);
    }

    // As the benches do: at the signal they write what they have measured.
    [Fact]
    public void Program_AtItsLimit_GetsASignalAndItsLastOutputIsKept()
    {
        var begin = Stopwatch.StartNew();
        Assert.Equal(new JobEnd(true, null), Start("trap 'echo partial; exit 130' INT; while :; do sleep 0.05; done", TimeSpan.FromMilliseconds(300)));
        Assert.Equal("partial\n", File.ReadAllText(Output));
        Assert.InRange(begin.Elapsed.TotalSeconds, 0.3, 60);
    }

    [Fact]
    public void Program_OfARunThatStops_IsEnded()
    {
        using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(300));
        Assert.Equal(new JobEnd(true, null), Start("trap 'echo partial; exit 130' INT; while :; do sleep 0.05; done", Long, "", stop.Token));
        Assert.Equal("partial\n", File.ReadAllText(Output));
    }

    private JobEnd Start(string script, TimeSpan limit, string argument = "", CancellationToken? stop = null) =>
        new ChildProgram(_log).Run(new SuiteJob("job", ["bash", "-c", script, argument], RoundResults.OfRows), Output, limit, stop ?? TestContext.Current.CancellationToken);
}
