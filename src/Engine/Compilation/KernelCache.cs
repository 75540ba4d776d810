namespace VideoSim.Engine.Compilation;

/// <summary>
/// Compiled units on the disk, by all that went into them: source, headers, options, architecture, compiler version. Safe for
/// any number of processes. An entry that is damaged is as good as none; a folder that cannot be written costs time, nothing else.
/// </summary>
/// <param name="folder">Where entries lie; made when the first is written.</param>
public sealed class KernelCache(string folder)
{
    /// <summary>An entry, or what <paramref name="make"/> makes, which is then kept.</summary>
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
            // Damaged: written again below.
        }
        var image = make();
        try
        {
            KernelImageFile.Write(path, key, image);
        }
        catch (DataException)
        {
            // Not kept: compiled again the next time.
        }
        return image;
    }
}
