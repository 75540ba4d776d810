using System.Diagnostics;

namespace VideoSim.Cli.Tests.Commands;

/// <summary>The program as a process of its own, for what a test cannot do to itself: being killed, or running out of disk.</summary>
internal static class ChildProcess
{
    /// <summary>Starts a command; the process must be waited for.</summary>
    internal static Process Start(params string[] args) =>
        Launch(Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "dotnet" ? path : "dotnet", [Program, .. args, "--quiet"]);

    /// <summary>Runs a command in a shell in which files can grow to so many blocks of 512 or 1,024 bytes: a full disk for larger ones.</summary>
    internal static Outcome RunWithSmallDisk(int blocks, params string[] args)
    {
        // Without the signal, a write over the limit fails as on a full disk. Executable memory is a file, too, and must be exempt.
        string script = $"trap '' XFSZ; ulimit -f {blocks}; export DOTNET_EnableWriteXorExecute=0; exec dotnet \"$@\"";
        using var process = Launch("/bin/sh", ["-c", script, "sh", Program, .. args, "--quiet"]);
        var output = process.StandardOutput.ReadToEndAsync();
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return new Outcome(process.ExitCode, output.GetAwaiter().GetResult(), error);
    }

    private static string Program => Path.Combine(AppContext.BaseDirectory, "videosim.dll");

    private static Process Launch(string file, string[] args) => Process.Start(new ProcessStartInfo(file, args)
    {
        RedirectStandardOutput = true,
        RedirectStandardError = true,
        RedirectStandardInput = true,
    })!;
}
