using System.Text;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Cli.Tests.Commands;

/// <summary>
/// Standard streams that are closed or full. A lost message ends no work, and a lost result is a failure.
/// </summary>
[Collection(nameof(CommandTests))]
public sealed class DeadStreamTests(CommandWorld world)
{
    [Theory]
    [InlineData("--help")]
    [InlineData("--version")]
    [InlineData("data synth --help")]
    [InlineData("help embed")]
    [InlineData("data")]
    [InlineData("completion bash")]
    [InlineData("presets")]
    [InlineData("presets --schema")]
    [InlineData("presets micro --json")]
    [InlineData("devices")]
    [InlineData("kernels list --preset micro")]
    [InlineData("data folds --data DATA --json")]
    [InlineData("inspect --model mix --preset micro")]
    [InlineData("evaluate --embeddings VECTORS --labels LABELS")]
    [InlineData("search --embeddings VECTORS --id 1 --json")]
    [InlineData("report RUN --json")]
    [InlineData("ensemble --inputs VECTORS --output NEW.json --json")]
    [InlineData("data verify DATA/test_b --frame-width 64")]
    public void Output_Full_IsAFailure(string command)
    {
        string vectors = world.New() + ".json";
        File.WriteAllText(vectors, $"{{\"1\": [1, 2], \"2\": [2, 1]}}");
        File.WriteAllText(vectors + ".tsv", "1\t2\t0.5\n2\t1\t0.5\n1\t1\t1\n");
        string[] args = [.. command.Split(' ').Select(word => word.Replace("DATA", world.Data, StringComparison.Ordinal).Replace("RUN", world.Pretrained, StringComparison.Ordinal)
            .Replace("VECTORS", vectors, StringComparison.Ordinal).Replace("LABELS", vectors + ".tsv", StringComparison.Ordinal).Replace("NEW", world.New(), StringComparison.Ordinal))];
        var outcome = Shell.RunInto(new FullWriter(), args);
        Assert.Equal(1, outcome.ExitCode);
        Assert.EndsWith("error: stdout: cannot be written: No space left on device\n", outcome.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("2>&-", 0)]
    [InlineData("2>/dev/full", 0)]
    [InlineData("2>&1 | head -c 1 >/dev/null", 0)]
    public void Training_ErrorStreamDead_MakesTheSameRun(string redirections, int exitCode)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "there is no /bin/sh");
        string run = world.New();
        Assert.Equal(exitCode, ChildProcess.RunRedirected(redirections, CommandWorld.Pretrain(world.Data, run)).ExitCode);
        Folders.AssertEqual(world.Pretrained, run);
    }

    [Theory]
    [InlineData("2>&-", 1, "evaluate", "--embeddings", "missing.json", "--labels", "missing")]
    [InlineData("2>/dev/full", 2, "evaluate", "--embedings", "missing.json")]
    [InlineData(">&- 2>&-", 1, "--version")]
    [InlineData("<&- >&- 2>&-", 1, "--version")] // then stdout's number is that of a pipe of the runtime
    public void Failure_ErrorStreamDead_KeepsItsExitCode(string redirections, int exitCode, params string[] command)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "there is no /bin/sh");
        Assert.Equal(exitCode, ChildProcess.RunRedirected(redirections, command).ExitCode);
    }

    // A pipe has room for a small part of the result.
    [Fact]
    public void Output_ReaderThatLeaves_IsNoFailure()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "there is no /bin/sh");
        string code = world.New(), vectors = world.New() + ".json";
        File.WriteAllText(vectors, "{" + string.Join(",", Enumerable.Range(0, 100).Select(static id => $"\"{id}\":[1,{id},0.5]")) + "}");
        var outcome = ChildProcess.RunScript($"{{ {ChildProcess.Command}; echo $? >{code}; }} | head -c 1", "search", "--embeddings", vectors, "--query", vectors, "--top", "99", "--quiet");
        Assert.Equal(("0\n", ""), (File.ReadAllText(code), outcome.Error));
    }

    private sealed class FullWriter : TextWriter
    {
        public override Encoding Encoding => Encoding.UTF8;

        public override void Write(char value) => throw new IOException("No space left on device");
    }
}
