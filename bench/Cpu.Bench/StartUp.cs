using System.Diagnostics;

namespace VideoSim.Cpu.Bench;

/// <summary>Start of the command line, from the creation of its process to its end.</summary>
public class StartUp : OneThreadGroup
{
    /// <inheritdoc/>
    public override IEnumerable<Subject> Subjects => [new CommandStart("--version"), new CommandStart("--help"), new CommandStart("devices")];
}

/// <summary>A command of <c>videosim</c> that does hardly anything.</summary>
/// <param name="argument">Its argument.</param>
internal sealed class CommandStart(string argument) : Subject($"videosim {argument}", Unit.None, Ceiling.None)
{
    protected override Action Open(int threads)
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "videosim"), argument) { RedirectStandardOutput = true };
        return () =>
        {
            using var process = Process.Start(start)!;
            process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            if (process.ExitCode != 0)
                throw new InvalidOperationException($"{this} ended with exit code {process.ExitCode}");
        };
    }
}
