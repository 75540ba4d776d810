using VideoSim.Engine;

namespace VideoSim.Models.Pretrained;

/// <summary>Reads the small files of a published encoder whole: descriptions of sizes, tokenizers and shards.</summary>
internal static class SmallFile
{
    // A list of shards has some 100 bytes for a tensor.
    private const int MostBytes = 10_000_000;

    /// <summary>Reads a file.</summary>
    /// <exception cref="DataException">It cannot be read, is far larger than such a file can be, or stands for a file that was not fetched.</exception>
    public static byte[] Read(string path)
    {
        using var file = FileBytes.Open(path);
        if (file.Length > MostBytes)
            throw new DataException($"{path}: has {file.Length} bytes, more than the {MostBytes} such a file can have");
        byte[] content = file.Read(0, (int)file.Length, "the file");
        CheckFetched(path, content);
        return content;
    }

    /// <summary>Checks that a file is not the short text that Git LFS puts in its place until it is fetched.</summary>
    /// <param name="path">The file.</param>
    /// <param name="start">Its first bytes.</param>
    /// <exception cref="DataException">It is that text.</exception>
    public static void CheckFetched(string path, ReadOnlySpan<byte> start)
    {
        if (start.StartsWith("version https://git-lfs"u8))
            throw new DataException($"{path}: is a Git LFS pointer of a few lines, not the file itself; fetch it with 'git lfs pull'");
    }
}
