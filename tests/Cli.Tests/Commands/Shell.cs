using System.Reflection;
using Xunit;

namespace VideoSim.Cli.Tests.Commands;

/// <summary>What a command left behind.</summary>
internal sealed record Outcome(int ExitCode, string Output, string Error)
{
    /// <summary>The command failed with one line on stderr that says so, and nothing else on it.</summary>
    /// <param name="exitCode">1 for failed, 2 for wrong usage.</param>
    /// <param name="parts">What the line has to name.</param>
    internal void AssertFailed(int exitCode, params string[] parts)
    {
        Assert.Equal(exitCode, ExitCode);
        Assert.StartsWith("error: ", Error, StringComparison.Ordinal);
        Assert.EndsWith("\n", Error, StringComparison.Ordinal);
        string line = Error[..^1];
        Assert.DoesNotContain('\n', line);
        Assert.DoesNotContain("--verbose", line, StringComparison.Ordinal); // the mark of an error that nobody foresaw
        Assert.DoesNotContain(".tmp-", line, StringComparison.Ordinal);
        foreach (string part in parts)
            Assert.Contains(part, line, StringComparison.Ordinal);
    }

    /// <summary>The command did what it should, and did not know the model of some embeddings.</summary>
    internal Outcome AssertDoneWithUnknownModel()
    {
        Assert.Matches("^warning: [^\n]* not say which model computed [^\n]*\n$", Error);
        Assert.Equal(0, ExitCode);
        return this;
    }

    /// <summary>The command did what it should, without a word on stderr.</summary>
    internal Outcome AssertDone()
    {
        Assert.Equal("", Error);
        Assert.Equal(0, ExitCode);
        return this;
    }
}

/// <summary>
/// The program itself, run inside the test process: its entry point, its arguments, its two streams. Streams belong
/// to the whole process, so tests that use this run one after the other.
/// </summary>
internal static class Shell
{
    private static readonly MethodInfo EntryPoint = typeof(CommandLine).Assembly.EntryPoint!;

    /// <summary>Runs a command, quiet on stderr but for errors.</summary>
    internal static Outcome Run(params string[] args) => RunAloud([.. args, "--quiet"]);

    /// <summary>Runs a command with its progress on stderr.</summary>
    internal static Outcome RunAloud(params string[] args) => RunInto(new StringWriter { NewLine = "\n" }, args);

    /// <summary>The same with another stdout.</summary>
    internal static Outcome RunInto(TextWriter output, params string[] args)
    {
        var error = new StringWriter { NewLine = "\n" };
        var (realOutput, realError) = (Console.Out, Console.Error);
        Console.SetOut(output);
        Console.SetError(error);
        try
        {
            int exitCode = (int)EntryPoint.Invoke(null, [args])!;
            return new Outcome(exitCode, output.ToString()!, error.ToString());
        }
        finally
        {
            Console.SetOut(realOutput);
            Console.SetError(realError);
        }
    }
}
