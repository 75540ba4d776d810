using VideoSim.Engine.Serialization;

namespace VideoSim.Engine.Compilation;

/// <summary>
/// Bounds the entries of a cache: files, or folders that are used as a whole. The time of an entry is that of its last
/// use.
/// </summary>
internal static class CacheContents
{
    // A process that has just found an entry may still be loading it.
    private static readonly TimeSpan InUse = TimeSpan.FromHours(1);

    /// <summary>Notes that an entry is used. Nothing happens if it cannot be noted.</summary>
    public static void Touch(string entry)
    {
        try
        {
            Directory.SetLastWriteTimeUtc(entry, DateTime.UtcNow);
        }
        catch (Exception e) when (FileFailure.Is(e))
        {
            // A cache that cannot be written does not grow either.
        }
    }

    /// <summary>Deletes the entries whose last use is longest ago, until the others have at most some bytes.</summary>
    /// <param name="entries">Paths of the entries.</param>
    /// <param name="most">Bytes that may stay. What was used within the last hour always stays.</param>
    public static void Trim(IEnumerable<string> entries, long most)
    {
        try
        {
            var known = entries.Select(static entry => (Path: entry, Used: Directory.GetLastWriteTimeUtc(entry), Bytes: BytesOf(entry))).OrderBy(static entry => entry.Used).ToList();
            long bytes = known.Sum(static entry => entry.Bytes);
            foreach (var entry in known.TakeWhile(static entry => DateTime.UtcNow - entry.Used > InUse))
            {
                if (bytes <= most)
                    return;
                Delete(entry.Path);
                bytes -= entry.Bytes;
            }
        }
        catch (Exception e) when (e is DataException || FileFailure.Is(e))
        {
            // Another process deletes the same, or may not: the cache is larger than it should be, and works.
        }
    }

    /// <summary>Deletes entries.</summary>
    /// <returns>Their bytes.</returns>
    public static long Clear(IEnumerable<string> entries)
    {
        long bytes = 0;
        foreach (string entry in entries.ToList())
        {
            bytes += BytesOf(entry);
            Delete(entry);
        }
        return bytes;
    }

    private static long BytesOf(string entry) => Directory.Exists(entry) ? FolderListing.FilesBelow(entry, "*").Sum(static file => new FileInfo(file).Length) : new FileInfo(entry) is { Exists: true } file ? file.Length : 0;

    private static void Delete(string entry)
    {
        if (Directory.Exists(entry))
            Directory.Delete(entry, recursive: true);
        else
            File.Delete(entry);
    }
}
