using System.Runtime.InteropServices;

namespace VideoSim.Engine.Interop;

/// <summary>The end of a process whose exit handlers may wait for ever: NVIDIA's driver has some, which wait for kernels.</summary>
public static partial class ProcessEnd
{
    /// <summary>Ends the process at once; nothing is flushed or cleaned up. For Linux, like CUDA here.</summary>
    /// <param name="exitCode">What the process returns.</param>
    public static void WithoutHandlers(int exitCode) => Exit(exitCode);

    [LibraryImport("libc", EntryPoint = "_exit")]
    private static partial void Exit(int status);
}
