using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace VideoSim.Engine.Interop;

/// <summary>Tells which standard streams the process was started with.</summary>
public static partial class StandardStream
{
    /// <summary>Descriptors of the streams.</summary>
    public const int Output = 1, Error = 2;

    private const int Input = 0;

    // Constants of fcntl, with the same values on Linux and macOS.
    private const int GetFlags = 1, CloseOnExec = 1;

    // Kept open, so that no file gets the number of a stream.
    private static readonly List<FileStream> Placeholders = [];

    /// <summary>
    /// Whether a stream was open when the program started. A closed one has no descriptor, or a file that the runtime
    /// opened has its number: text written to it would go into that file. Such files close on exec, and an inherited
    /// stream cannot.
    /// </summary>
    /// <param name="descriptor"><see cref="Output"/> or <see cref="Error"/>.</param>
    public static bool IsInherited(int descriptor)
    {
        if (OperatingSystem.IsWindows())
            return true;
        int flags = Fcntl(descriptor, GetFlags);
        return flags >= 0 && (flags & CloseOnExec) == 0;
    }

    /// <summary>
    /// Opens /dev/null for the streams that are closed, so that no file of the program gets their numbers.
    /// </summary>
    public static void FillClosed()
    {
        // The system gives a new file the lowest number that is free.
        for (int descriptor = Input; descriptor <= Error && !OperatingSystem.IsWindows(); descriptor++)
        {
            if (Fcntl(descriptor, GetFlags) < 0)
                Placeholders.Add(new FileStream("/dev/null", FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0));
        }
    }

    [UnsupportedOSPlatform("windows")]
    [LibraryImport("libc", EntryPoint = "fcntl")]
    private static partial int Fcntl(int descriptor, int command);
}
