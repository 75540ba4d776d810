using System.Runtime.InteropServices;

namespace VideoSim.Engine.Interop;

/// <summary>
/// Asks the system for large pages below large memory: the first touch of a gigabyte is then 512 faults instead of 262,144, and fewer
/// addresses have to be looked up while it is used. Where the system does not give them, nothing changes.
/// </summary>
internal static partial class LargePages
{
    /// <summary>Bytes of a large page of x86-64 and, most often, of ARM.</summary>
    public const int Bytes = 1 << 21;

    private const int Advice = 14; // MADV_HUGEPAGE of Linux

    /// <summary>Asks for them; memory below one page's size is left alone.</summary>
    /// <param name="address">Begin, at a multiple of <see cref="Bytes"/>.</param>
    /// <param name="bytes">Length.</param>
    public static void Ask(nint address, long bytes)
    {
        if (OperatingSystem.IsLinux() && bytes >= Bytes)
            _ = Advise(address, (nuint)bytes, Advice);
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(nint address, nuint length, int advice);
}
