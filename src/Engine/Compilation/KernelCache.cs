namespace VideoSim.Engine.Compilation;

/// <summary>
/// Compiled units on the disk. The key covers source, headers, options, architecture and compiler version. Any number
/// of processes may use one cache. A damaged entry counts as missing. If the folder cannot be written, every run
/// compiles again.
/// </summary>
/// <param name="folder">Folder of the entries; created when the first is written.</param>
public sealed class KernelCache(string folder)
{
    /// <summary>Returns an entry. If it is missing, <paramref name="make"/> creates it, and it is kept.</summary>
    internal KernelImage GetOrAdd(string key, Func<KernelImage> make)
    {
        string path = Path.Combine(folder, $"{key}.image");
        try
        {
            if (KernelImageFile.Read(path, key) is { } known)
                return known;
        }
        catch (DataException)
        {
            // The entry is damaged: it is written again below.
        }
        var image = make();
        try
        {
            KernelImageFile.Write(path, key, image);
        }
        catch (DataException)
        {
            // The entry is not kept: the next run compiles it again.
        }
        return image;
    }
}
