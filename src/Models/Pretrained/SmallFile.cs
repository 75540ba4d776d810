using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Pretrained;

/// <summary>Reads the small files of a published encoder: configuration, tokenizer and index of shards.</summary>
internal static class SmallFile
{
    private static readonly FileLimit Limit = new("a small file of an encoder", 10); // an index of shards has about 100 bytes per tensor

    /// <summary>Reads a file.</summary>
    /// <exception cref="DataException">
    /// It cannot be read, is too large for such a file, or is a Git LFS pointer.
    /// </exception>
    public static byte[] Read(string path)
    {
        byte[] content = FileFailure.ReadAllBytes(path, Limit);
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
