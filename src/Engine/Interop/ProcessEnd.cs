using System.Runtime.InteropServices;

namespace VideoSim.Engine.Interop;

/// <summary>
/// Ends a process whose exit handlers may wait for ever. NVIDIA's driver has such handlers: they wait for kernels.
/// </summary>
public static partial class ProcessEnd
{
    /// <summary>Ends the process at once; nothing is flushed or cleaned up. For Linux, like CUDA here.</summary>
    /// <param name="exitCode">Exit code of the process.</param>
    public static void WithoutHandlers(int exitCode) => Exit(exitCode);

    [LibraryImport("libc", EntryPoint = "_exit")]
    private static partial void Exit(int status);
}
