using VideoSim.Engine.Serialization;

namespace VideoSim.Engine.Compilation;

/// <summary>
/// Compiled units on the disk. The key covers source, headers, options, architecture and compiler version. Any number
/// of processes may use one cache. A damaged entry counts as missing. If the folder cannot be written, or another user
/// could put an entry there, every run compiles again.
/// </summary>
/// <param name="folder">Folder of the entries; created when the first is written.</param>
public sealed class KernelCache(CacheFolder folder)
{
    private const long MostBytes = 256L << 20;

    /// <summary>One line that tells why the folder is refused; null if it is not.</summary>
    public string? Problem { get; } = folder.Problem;

    /// <summary>Returns an entry. If it is missing, <paramref name="make"/> creates it, and it is kept.</summary>
    internal KernelImage GetOrAdd(string key, Func<KernelImage> make)
    {
        if (Find(key) is { } known)
            return known;
        var image = make();
        try
        {
            KernelImageFile.Write(PathOf(key), key, image);
            CacheContents.Trim(Entries(folder), MostBytes);
        }
        catch (DataException)
        {
            // The entry is not kept: the next run compiles it again.
        }
        return image;
    }

    private KernelImage? Find(string key)
    {
        try
        {
            if (!Directory.Exists(folder.FullPath))
                return null;
            string path = PathOf(key);
            CacheFolder.RequireOwn(path);
            var image = KernelImageFile.Read(path, key);
            if (image is not null)
                CacheContents.Touch(path);
            return image;
        }
        catch (DataException)
        {
            return null; // the entry is damaged: it is written again
        }
    }

    /// <summary>Deletes all entries.</summary>
    /// <param name="folder">The folder of the entries.</param>
    /// <returns>Bytes freed.</returns>
    internal static long Clear(CacheFolder folder) => Directory.Exists(folder.FullPath) ? CacheContents.Clear(Entries(folder)) : 0;

    private static string[] Entries(CacheFolder folder) => FolderListing.Files(folder.Open(), "*.image");

    private string PathOf(string key) => Path.Combine(folder.Open(), $"{key}.image");
}
