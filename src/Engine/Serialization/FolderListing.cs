namespace VideoSim.Engine.Serialization;

/// <summary>The entries of a folder. An error of the file system is one line that names the folder.</summary>
public static class FolderListing
{
    /// <summary>Paths of the files that match a pattern, in no fixed order.</summary>
    /// <exception cref="DataException">The folder cannot be read.</exception>
    public static string[] Files(string folder, string pattern = "*") => Read(folder, () => Directory.GetFiles(folder, pattern));

    /// <summary>
    /// Paths of the files that match a pattern, in no fixed order; none if there is no such folder. Other processes
    /// may make or delete it meanwhile.
    /// </summary>
    /// <inheritdoc cref="Files"/>
    public static string[] FilesIfAny(string folder, string pattern = "*") => IfAny(folder, () => Files(folder, pattern));

    /// <summary>Paths of the files in a folder and in those below it.</summary>
    /// <inheritdoc cref="Files"/>
    public static string[] FilesBelow(string folder, string pattern) => Read(folder, () => Directory.GetFiles(folder, pattern, SearchOption.AllDirectories));

    /// <summary>Paths of the folders that match a pattern, in no fixed order.</summary>
    /// <inheritdoc cref="Files"/>
    public static string[] Folders(string folder, string pattern = "*") => Read(folder, () => Directory.GetDirectories(folder, pattern));

    /// <summary>Paths of all files and folders, in no fixed order.</summary>
    /// <inheritdoc cref="Files"/>
    public static string[] Entries(string folder) => Read(folder, () => Directory.GetFileSystemEntries(folder));

    /// <summary>
    /// Paths of all files and folders, in no fixed order; none if there is no such folder. Other processes may make
    /// or delete it meanwhile.
    /// </summary>
    /// <inheritdoc cref="Files"/>
    public static string[] EntriesIfAny(string folder) => IfAny(folder, () => Entries(folder));

    /// <summary>Whether a folder has nothing in it.</summary>
    /// <inheritdoc cref="Files"/>
    public static bool IsEmpty(string folder) => Read(folder, () => !Directory.EnumerateFileSystemEntries(folder).Any());

    /// <summary>Whether a folder has a file that matches a pattern.</summary>
    /// <inheritdoc cref="Files"/>
    public static bool HasFiles(string folder, string pattern) => Read(folder, () => Directory.EnumerateFiles(folder, pattern).Any());

    // The error decides. A look before or after the listing can see a folder that is not the same any more.
    private static string[] IfAny(string folder, Func<string[]> list)
    {
        try
        {
            return list();
        }
        catch (DataException e) when (e.InnerException is DirectoryNotFoundException || File.Exists(folder))
        {
            return [];
        }
    }

    private static T Read<T>(string folder, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (FileFailure.Is(e))
        {
            throw FileFailure.ReadingFolder(folder, e);
        }
    }
}
