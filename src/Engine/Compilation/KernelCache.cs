namespace VideoSim.Engine.Compilation;

/// <summary>
/// Compiled units on the disk. The key covers source, headers, options, architecture and compiler version. Any number
/// of processes may use one cache. A damaged entry counts as missing. If the folder cannot be written, or another user
/// could put an entry there, every run compiles again.
/// </summary>
/// <param name="folder">Folder of the entries; created when the first is written.</param>
public sealed class KernelCache(CacheFolder folder)
{
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
            return KernelImageFile.Read(path, key);
        }
        catch (DataException)
        {
            return null; // the entry is damaged: it is written again
        }
    }

    private string PathOf(string key) => Path.Combine(folder.Open(), $"{key}.image");
}
