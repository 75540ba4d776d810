using VideoSim.Engine;

namespace VideoSim.Models.Pretrained;

/// <summary>Reads the small files of a published encoder: configuration, tokenizer and index of shards.</summary>
internal static class SmallFile
{
    // An index of shards has about 100 bytes per tensor.
    private const int MostBytes = 10_000_000;

    /// <summary>Reads a file.</summary>
    /// <exception cref="DataException">
    /// It cannot be read, is too large for such a file, or is a Git LFS pointer.
    /// </exception>
    public static byte[] Read(string path)
    {
        using var file = FileBytes.Open(path);
        if (file.Length > MostBytes)
            throw new DataException($"{path}: has {file.Length} bytes, more than the limit of {MostBytes} for such a file");
        byte[] content = file.Read(0, (int)file.Length, "the file");
        CheckFetched(path, content);
        return content;
    }

    /// <summary>
    /// Checks that a file is not a Git LFS pointer: the short text that Git LFS stores until the file is fetched.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="start">Its first bytes.</param>
    /// <exception cref="DataException">It is a Git LFS pointer.</exception>
    public static void CheckFetched(string path, ReadOnlySpan<byte> start)
    {
        if (start.StartsWith("version https://git-lfs"u8))
            throw new DataException($"{path}: is a Git LFS pointer of a few lines, not the file itself; fetch it with 'git lfs pull'");
    }
}
