using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace VideoSim.Engine.Interop;

/// <summary>
/// Requests large pages for large blocks of memory. The first access to a gigabyte then causes 512 page faults instead
/// of 262,144, and later accesses translate fewer addresses. If the system has no large pages, nothing changes.
/// </summary>
internal static partial class LargePages
{
    /// <summary>Bytes of a large page of x86-64 and, most often, of ARM.</summary>
    public const int Bytes = 1 << 21;

    private const int Advice = 14; // MADV_HUGEPAGE of Linux

    /// <summary>Requests them; does nothing for less memory than one page.</summary>
    /// <param name="address">Begin, at a multiple of <see cref="Bytes"/>.</param>
    /// <param name="bytes">Length.</param>
    public static void Request(nint address, long bytes)
    {
        if (OperatingSystem.IsLinux() && bytes >= Bytes)
            _ = Advise(address, (nuint)bytes, Advice);
    }

    [SupportedOSPlatform("linux")]
    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(nint address, nuint length, int advice);
}
