using System.Diagnostics;
using Xunit;

namespace VideoSim.Oracles.Tests;

/// <summary>Debian's interpreter, which has Debian's packages.</summary>
internal static class DebianPython
{
    /// <summary>Runs a script that lies beside the tests, and gives its output.</summary>
    public static string Run(string script, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo("/usr/bin/python3", [Path.Combine(AppContext.BaseDirectory, script), .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, errors.Result);
        return output;
    }
}
