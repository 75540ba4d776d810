namespace VideoSim.Engine.Serialization;

/// <summary>Locks between processes by a file that one at a time can hold open. The system gives a lock up with its process.</summary>
public static class FileLock
{
    // EWOULDBLOCK of Linux and of macOS, and Windows' sharing violation.
    private const int LinuxHeld = 11, MacHeld = 35, WindowsHeld = unchecked((int)0x80070020);

    /// <summary>Takes a lock, which is held until the stream is closed; the file stays.</summary>
    /// <param name="path">The lock's file; made if it is missing.</param>
    /// <returns>Null if somebody else holds it.</returns>
    /// <exception cref="IOException">The file cannot be made.</exception>
    public static FileStream? TryTake(string path)
    {
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e) when (e.HResult is LinuxHeld or MacHeld or WindowsHeld)
        {
            return null;
        }
    }
}
