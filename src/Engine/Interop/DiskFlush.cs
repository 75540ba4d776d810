using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace VideoSim.Engine.Interop;

/// <summary>
/// Flushes files and folders to the disk. On Linux it calls fsync itself: .NET 10.0.12 does not notice that fsync has
/// failed. Its native function returns 1 for an error, and its callers look for a negative number.
/// </summary>
public static partial class DiskFlush
{
    /// <summary>Returns when all bytes that were given to the system are on the disk.</summary>
    /// <param name="file">A file or folder that is open.</param>
    /// <exception cref="IOException">The system reported an error. Bytes may be lost.</exception>
    public static void Flush(SafeFileHandle file)
    {
        if (!OperatingSystem.IsLinux())
        {
            RandomAccess.FlushToDisk(file);
            return;
        }
        while (Fsync(file) != 0)
        {
            int error = Marshal.GetLastPInvokeError();
            if (error is SystemError.Invalid or SystemError.NotSupported) // a file system that cannot flush it
                return;
            if (error != SystemError.Interrupted)
                throw SystemError.Last();
        }
    }

    /// <summary>Returns when everything that was written to a stream is on the disk.</summary>
    /// <inheritdoc cref="Flush(SafeFileHandle)"/>
    public static void Flush(FileStream stream)
    {
        stream.Flush();
        Flush(stream.SafeFileHandle);
    }

    [SupportedOSPlatform("linux")]
    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Fsync(SafeFileHandle file);
}
