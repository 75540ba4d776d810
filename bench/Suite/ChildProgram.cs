using System.Diagnostics;
using System.Runtime.InteropServices;
using VideoSim.Engine.Serialization;

namespace VideoSim.Suite;

/// <summary>Runs programs as child processes, and writes their messages to one log.</summary>
/// <param name="log">The log.</param>
internal sealed partial class ChildProgram(TextWriter log)
{
    private const int Sigint = 2;

    // A bench that is interrupted writes what it has measured within half a second.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    /// <summary>Runs a program; see <see cref="StartJob"/>.</summary>
    public JobEnd Run(SuiteJob job, string file, TimeSpan limit, CancellationToken cancellation)
    {
        string[] command = [.. job.Command.Select(word => word == SuiteJob.File ? file : word)];
        log.WriteLine($"{job.Name}: {string.Join(' ', command)}");
        string? last = null;
        using var process = new Process { StartInfo = new ProcessStartInfo(command[0], command[1..]) { RedirectStandardOutput = true, RedirectStandardError = true } };
        process.ErrorDataReceived += (_, line) =>
        {
            lock (log)
            {
                if (line.Data is not { Length: > 0 } text)
                    return;
                last = text;
                log.WriteLine(text);
            }
        };
        try
        {
            process.Start();
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            return new JobEnd(IsCut: false, Printable.OneLine(e.Message));
        }
        process.BeginErrorReadLine();
        // With a file of its own, what a program prints is a table for people.
        var output = process.StandardOutput.ReadToEndAsync(CancellationToken.None);
        bool ended = Wait(process, limit, cancellation);
        if (!ended)
            End(process);
        process.WaitForExit();
        if (job.WritesFile)
            log.Write(output.Result);
        else if (output.Result.Length > 0)
            AtomicFile.Write(file, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(output.Result)));
        log.Flush();
        return new JobEnd(!ended, ended && process.ExitCode != 0 ? Printable.OneLine(last ?? $"exit code {process.ExitCode}") : null);
    }

    private static bool Wait(Process process, TimeSpan limit, CancellationToken cancellation)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        end.CancelAfter(limit);
        try
        {
            process.WaitForExitAsync(end.Token).GetAwaiter().GetResult();
            return true;
        }
        catch (OperationCanceledException)
        {
            return process.HasExited && !cancellation.IsCancellationRequested;
        }
    }

    private static void End(Process process)
    {
        if (!OperatingSystem.IsWindows())
        {
            _ = Kill(process.Id, Sigint);
            if (process.WaitForExit(Patience))
                return;
        }
        process.Kill(entireProcessTree: true);
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}
