using System.Runtime.InteropServices;

namespace VideoSim.Engine.Interop;

/// <summary>
/// Ends a process at once. Exit handlers may wait for ever: NVIDIA's driver has some that wait for kernels.
/// </summary>
public static partial class ProcessEnd
{
    /// <summary>Ends the process at once; nothing is flushed or cleaned up. Windows runs the handlers.</summary>
    /// <param name="exitCode">Exit code of the process.</param>
    public static void WithoutHandlers(int exitCode)
    {
        if (OperatingSystem.IsWindows())
            Environment.Exit(exitCode);
        else
            Exit(exitCode);
    }

    [LibraryImport("libc", EntryPoint = "_exit")]
    private static partial void Exit(int status);
}
