using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace VideoSim.Engine.Interop;

/// <summary>
/// Ends processes at once. Exit handlers may wait for ever: NVIDIA's driver has some that wait for kernels.
/// </summary>
public static partial class ProcessEnd
{
    private const int Terminate = 15; // on this signal a compiler deletes its temporary files

    // Handlers that end take milliseconds.
    private static readonly TimeSpan TimeOfHandlers = TimeSpan.FromMilliseconds(200);

    /// <summary>
    /// Ends the process from any thread, without waiting for the others. Exit handlers run, among them those of .NET,
    /// which reset the terminal and delete its own temporary files; they have 0.2 seconds.
    /// </summary>
    /// <param name="exitCode">Exit code of the process.</param>
    public static void Now(int exitCode)
    {
        var handlers = new Thread(() => Environment.Exit(exitCode)) { IsBackground = true };
        handlers.Start();
        handlers.Join(TimeOfHandlers);
        WithoutHandlers(exitCode);
    }

    /// <summary>Ends the process at once; nothing is flushed or cleaned up. Windows runs the handlers.</summary>
    /// <param name="exitCode">Exit code of the process.</param>
    public static void WithoutHandlers(int exitCode)
    {
        if (OperatingSystem.IsWindows())
            Environment.Exit(exitCode);
        else
            Exit(exitCode);
    }

    /// <summary>
    /// Ends all processes of a group, which has the number of its first process. Windows has no such groups.
    /// </summary>
    public static void OfGroup(int group)
    {
        if (!OperatingSystem.IsWindows())
            _ = Kill(-group, Terminate);
    }

    [UnsupportedOSPlatform("windows")]
    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);

    [UnsupportedOSPlatform("windows")]
    [LibraryImport("libc", EntryPoint = "_exit")]
    private static partial void Exit(int status);
}
