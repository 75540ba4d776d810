using System.Diagnostics;
using Xunit;

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

    /// <summary>The same with its progress on stderr.</summary>
    internal static Outcome RunAloud(Dictionary<string, string> environment, params string[] args) => OutcomeOf(Launch(DotNet, [Program, .. args], environment));

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
    internal static Outcome RunRedirected(string redirections, params string[] args) => RunScript($"exec {Command} {redirections}", args);

    /// <summary>In the script of a shell: the command with its arguments.</summary>
    internal const string Command = "dotnet \"$@\"";

    /// <summary>Starts the script of a shell, in which <see cref="Command"/> is the command.</summary>
    internal static Process StartScript(string script, params string[] args) => Launch("/bin/sh", ["-c", script, "sh", Program, .. args]);

    /// <summary>Runs such a script.</summary>
    internal static Outcome RunScript(string script, params string[] args) => OutcomeOf(StartScript(script, args));

    /// <summary>
    /// Skips a test if a signal cannot be sent here. That one is ignored is inherited, and undone neither by .NET nor
    /// by a shell. Linux tells of it in a mask of signals.
    /// </summary>
    internal static void RequireSignal(string signal)
    {
        const string Field = "SigIgn:", Status = "/proc/self/status";
        Assert.SkipWhen(OperatingSystem.IsWindows(), "a process cannot be sent a signal there");
        int number = signal switch { "HUP" => 1, "INT" => 2, _ => 15 };
        bool isIgnored = File.Exists(Status) && File.ReadLines(Status).Where(static line => line.StartsWith(Field, StringComparison.Ordinal))
            .Any(line => (Convert.ToUInt64(line[Field.Length..].Trim(), 16) >> (number - 1) & 1) != 0);
        Assert.SkipWhen(isIgnored, $"started in the background of a shell or by nohup: {signal} is ignored, by its children too");
    }

    /// <summary>Sends a signal, such as TERM, once or several times.</summary>
    internal static void Send(string signal, int process, int times = 1)
    {
        using var kill = Process.Start("/bin/sh", ["-c", string.Concat(Enumerable.Repeat($"kill -{signal} {process};", times))]);
        kill.WaitForExit();
    }

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
