using System.Security.Cryptography;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Datasets;

/// <summary>What a file held when it was read. Two files with the same digest hold the same.</summary>
/// <param name="Path">The file, in full.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="Sha256">SHA-256, in lower-case hexadecimal: of the places and checksums of a TFRecord file's records, of the content of other files.</param>
public sealed record FileDigest(string Path, long Bytes, string Sha256)
{
    private const int BufferBytes = 1 << 20;

    /// <summary>Reads a file that holds no records.</summary>
    /// <exception cref="DataException">It cannot be read.</exception>
    public static FileDigest OfContent(string path)
    {
        var (bytes, sha256) = Hash(path, HashAlgorithmName.SHA256);
        return new FileDigest(System.IO.Path.GetFullPath(path), bytes, sha256);
    }

    /// <summary>Size and hash of a file's content, in lower-case hexadecimal.</summary>
    /// <param name="path">The file.</param>
    /// <param name="algorithm">Of the hash.</param>
    /// <param name="advance">Is told how many bytes were read, a megabyte at a time.</param>
    /// <exception cref="DataException">It cannot be read.</exception>
    internal static (long Bytes, string Hash) Hash(string path, HashAlgorithmName algorithm, Action<int>? advance = null)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, FileOptions.SequentialScan);
            using var hash = IncrementalHash.CreateHash(algorithm);
            // The library's own loop reads 4 KB at a time: 100,000 calls for an encoder.
            byte[] buffer = new byte[BufferBytes];
            long bytes = 0;
            for (int read; (read = stream.Read(buffer)) > 0; bytes += read)
            {
                hash.AppendData(buffer, 0, read);
                advance?.Invoke(read);
            }
            return (bytes, Convert.ToHexStringLower(hash.GetHashAndReset()));
        }
        catch (Exception e) when (FileFailure.Is(e))
        {
            throw FileFailure.Reading(path, e);
        }
    }
}
