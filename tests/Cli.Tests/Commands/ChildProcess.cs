using System.Diagnostics;

namespace VideoSim.Cli.Tests.Commands;

/// <summary>The program in its own process, for tests that kill it or fill its disk.</summary>
internal static class ChildProcess
{
    /// <summary>Starts a command; the process must be waited for.</summary>
    internal static Process Start(params string[] args) =>
        Start([], args);

    /// <summary>The same with its progress on stderr.</summary>
    internal static Process StartAloud(params string[] args) => Launch(DotNet, [Program, .. args]);

    /// <summary>The same with variables added to its environment.</summary>
    internal static Process Start(Dictionary<string, string> environment, params string[] args) =>
        Launch(DotNet, [Program, .. args, "--quiet"], environment);

    /// <summary>Runs a command with variables added to its environment.</summary>
    internal static Outcome Run(Dictionary<string, string> environment, params string[] args) =>
        OutcomeOf(Launch(DotNet, [Program, .. args, "--quiet"], environment));

    /// <summary>Runs a command in a folder.</summary>
    internal static Outcome RunIn(string folder, params string[] args) => OutcomeOf(Launch(DotNet, [Program, .. args, "--quiet"], folder: folder));

    /// <summary>
    /// Runs a command in a shell with a limit for the size of files, in blocks of 512 or 1,024 bytes. Beyond it the
    /// disk is full.
    /// </summary>
    internal static Outcome RunWithSmallDisk(int blocks, params string[] args)
    {
        // With the signal ignored, a write beyond the limit fails as on a full disk. Executable memory is also a file
        // and is exempt.
        string script = $"trap '' XFSZ; ulimit -f {blocks}; export DOTNET_EnableWriteXorExecute=0; exec dotnet \"$@\"";
        return OutcomeOf(Launch("/bin/sh", ["-c", script, "sh", Program, .. args, "--quiet"]));
    }

    /// <summary>
    /// Runs a command in a shell with redirected standard streams, such as <c>2>&amp;-</c>; all progress is shown.
    /// </summary>
    internal static Outcome RunRedirected(string redirections, params string[] args) =>
        OutcomeOf(Launch("/bin/sh", ["-c", $"exec dotnet \"$@\" {redirections}", "sh", Program, .. args]));

    private static string DotNet => Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "dotnet" ? path : "dotnet";

    private static string Program => Path.Combine(AppContext.BaseDirectory, "videosim.dll");

    private static Process Launch(string file, string[] args, Dictionary<string, string>? environment = null, string folder = "")
    {
        var start = new ProcessStartInfo(file, args)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            WorkingDirectory = folder,
        };
        foreach (var (name, value) in environment ?? [])
            start.Environment[name] = value;
        return Process.Start(start)!;
    }

    private static Outcome OutcomeOf(Process started)
    {
        using var process = started;
        var output = process.StandardOutput.ReadToEndAsync();
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return new Outcome(process.ExitCode, output.GetAwaiter().GetResult(), error);
    }
}
