using VideoSim.Engine.Interop;

namespace VideoSim.Engine.Serialization;

/// <summary>
/// Folders whose entries are on the disk. After a power cut a file can be missing although its bytes were flushed, if
/// the folder with its name was not.
/// </summary>
public static class DurableFolder
{
    /// <summary>Makes a folder and its missing parents. When it returns, their names are on the disk.</summary>
    /// <exception cref="IOException">The file system reported an error.</exception>
    /// <exception cref="UnauthorizedAccessException">Access is denied.</exception>
    public static void Make(string path)
    {
        foreach (string folder in Missing(path).Reverse())
        {
            if (File.Exists(folder))
                throw new IOException($"{Path.GetFileName(folder)} is a file, not a folder");
            Directory.CreateDirectory(folder);
            FlushParent(folder);
        }
    }

    /// <summary>Returns when the name of a file or folder, and its last renaming, are on the disk.</summary>
    /// <exception cref="IOException">The file system reported an error.</exception>
    public static void FlushParent(string path)
    {
        if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } parent)
            FolderCalls.Flush(parent);
    }

    /// <summary>A folder and its parents that do not exist, from the inside out.</summary>
    public static IEnumerable<string> Missing(string path)
    {
        for (string? folder = Path.GetFullPath(path); folder is not null && !Directory.Exists(folder); folder = Path.GetDirectoryName(folder))
            yield return folder;
    }
}
