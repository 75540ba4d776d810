using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace VideoSim.Engine.Interop;

/// <summary>Calls on folders that .NET lacks. On other systems than Linux nothing is flushed.</summary>
public static unsafe partial class FolderCalls
{
    private const int ReadOnly = 0, CloseOnExec = 0x80000; // of open

    /// <summary>Makes a folder. Fails if anything has its name, also a link.</summary>
    /// <param name="path">The folder; its parent exists.</param>
    /// <param name="mode">Its rights, less those that the umask takes away.</param>
    /// <exception cref="IOException">The system reported an error, or something has the name.</exception>
    /// <exception cref="UnauthorizedAccessException">Access is denied.</exception>
    public static void MakeNew(string path, UnixFileMode mode)
    {
        if (OperatingSystem.IsLinux())
        {
            if (MakeFolder(path, (uint)mode) != 0)
                throw SystemError.Last();
            return;
        }
        if (Path.Exists(path))
            throw new IOException("something of this name exists");
        Directory.CreateDirectory(path);
    }

    /// <summary>
    /// Renames a file if no file has the new name, in one step that one of several processes wins. Between the steps
    /// of .NET's own call, a file may get the new name, and is lost then. If the process is killed within the call,
    /// the file may have both names.
    /// </summary>
    /// <returns>False if something has the new name, or nothing the old one.</returns>
    /// <exception cref="IOException">The system reported an error.</exception>
    /// <exception cref="UnauthorizedAccessException">Access is denied.</exception>
    public static bool TryRename(string from, string to)
    {
        if (!OperatingSystem.IsLinux())
            return TryRenameInSteps(from, to);
        // NFS has no rename that leaves the other file alone, but every file system has such a link, if it has links.
        if (Link(from, to) == 0)
        {
            File.Delete(from);
            return true;
        }
        return Marshal.GetLastPInvokeError() switch
        {
            SystemError.Exists or SystemError.NoEntry => false,
            SystemError.NotPermitted or SystemError.NotSupported or SystemError.NoCall => TryRenameInSteps(from, to),
            _ => throw SystemError.Last(),
        };
    }

    /// <summary>Returns when the names in a folder are on the disk.</summary>
    /// <param name="path">The folder. One that must not be read is not flushed.</param>
    /// <exception cref="IOException">The system reported an error.</exception>
    public static void Flush(string path)
    {
        if (!OperatingSystem.IsLinux())
            return;
        using var folder = Open(path, ReadOnly | CloseOnExec);
        if (folder.IsInvalid)
        {
            if (Marshal.GetLastPInvokeError() is SystemError.NoAccess or SystemError.NotPermitted)
                return;
            throw SystemError.Last();
        }
        DiskFlush.Flush(folder);
    }

    /// <summary>A path without links and dots. The file or folder exists.</summary>
    /// <exception cref="IOException">The system reported an error.</exception>
    public static string WithoutLinks(string path)
    {
        if (!OperatingSystem.IsLinux())
            return Path.GetFullPath(path);
        byte* real = RealPath(path, null);
        if (real is null)
            throw SystemError.Last();
        string result = Marshal.PtrToStringUTF8((nint)real)!;
        NativeMemory.Free(real); // free of the C library
        return result;
    }

    private static bool TryRenameInSteps(string from, string to)
    {
        try
        {
            File.Move(from, to, overwrite: false);
            return true;
        }
        catch (IOException) when (!File.Exists(from) || File.Exists(to))
        {
            return false;
        }
    }

    [SupportedOSPlatform("linux")]
    [LibraryImport("libc", EntryPoint = "mkdir", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int MakeFolder(string path, uint mode);

    [SupportedOSPlatform("linux")]
    [LibraryImport("libc", EntryPoint = "link", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int Link(string from, string to);

    [SupportedOSPlatform("linux")]
    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial SafeFileHandle Open(string path, int flags);

    [SupportedOSPlatform("linux")]
    [LibraryImport("libc", EntryPoint = "realpath", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial byte* RealPath(string path, byte* result);
}
