using VideoSim.Engine.Interop;

namespace VideoSim.Engine.Serialization;

/// <summary>
/// Locks between processes. Only one process at a time can open the lock's file, or several that share it; the system
/// releases the lock when the process ends.
/// </summary>
public static class FileLock
{
    // EWOULDBLOCK of Linux and of macOS, and Windows' sharing violation.
    private const int LinuxHeld = 11, MacHeld = 35, WindowsHeld = unchecked((int)0x80070020);

    /// <summary>Takes a lock. Closing the stream releases it; the file stays.</summary>
    /// <param name="path">The lock's file; created if it is missing.</param>
    /// <param name="shared">Whether other processes may share the lock.</param>
    /// <returns>Null if another process has the lock.</returns>
    /// <exception cref="IOException">The file cannot be created, or is a link.</exception>
    public static FileStream? TryTake(string path, bool shared = false)
    {
        try
        {
            while (true)
            {
                if (FileKind.StatusOf(path) is { IsLink: true })
                    throw new IOException($"{Path.GetFileName(path)} is a link");
                // On NFS and SMB .NET shares the lock of a file only if the file is not open for writing.
                var stream = new FileStream(path, FileMode.OpenOrCreate, shared ? FileAccess.Read : FileAccess.ReadWrite, shared ? FileShare.ReadWrite : FileShare.None);
                if (!FileKind.IsDeleted(stream.SafeFileHandle))
                    return stream;
                // Its last owner deleted the file after it was opened here. It locks nothing any more.
                stream.Dispose();
            }
        }
        catch (IOException e) when (e.HResult is LinuxHeld or MacHeld or WindowsHeld)
        {
            return null;
        }
    }

    /// <summary>Releases a lock and deletes its file, so that no two processes have the lock meanwhile.</summary>
    /// <param name="owned">What <see cref="TryTake"/> returned.</param>
    public static void ReleaseAndDelete(FileStream owned)
    {
        // Windows does not delete an open file. Other systems must delete it while the lock is held.
        if (OperatingSystem.IsWindows())
            owned.Dispose();
        AtomicFile.DeleteLeftover(() => File.Delete(owned.Name));
        owned.Dispose();
    }
}
