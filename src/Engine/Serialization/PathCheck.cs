using VideoSim.Engine.Interop;

namespace VideoSim.Engine.Serialization;

/// <summary>
/// Whether a file or a folder exists. .NET's checks also return false if the system cannot tell, such as in a folder
/// that must not be searched. A file of the user would then be taken for one that is missing.
/// </summary>
public static class PathCheck
{
    /// <summary>Whether a path is a file. Links are followed.</summary>
    /// <exception cref="DataException">
    /// The system cannot tell, or the path is a link to nothing; the message names the path and the reason.
    /// </exception>
    public static bool IsFile(string path) => OperatingSystem.IsLinux() ? Find(path) is { IsFolder: false } : File.Exists(path);

    /// <summary>Whether a path is a folder. Links are followed.</summary>
    /// <inheritdoc cref="IsFile"/>
    public static bool IsFolder(string path) => OperatingSystem.IsLinux() ? Find(path) is { IsFolder: true } : Directory.Exists(path);

    private static FileStatus? Find(string path)
    {
        try
        {
            return FileKind.Find(path) ?? (FileKind.StatusOf(path) is { IsLink: true } ? throw new DataException($"{path}: is a link to nothing") : null);
        }
        catch (Exception e) when (FileFailure.Is(e))
        {
            throw FileFailure.ReadingFolder(path, e);
        }
    }
}
