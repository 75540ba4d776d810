using System.Security.Cryptography;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Datasets;

/// <summary>Size and hash of a file when it was read. Files with the same digest have the same content.</summary>
/// <param name="Path">Full path of the file.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="Sha256">
/// SHA-256 in lower-case hexadecimal. For a TFRecord file it covers the positions and checksums of the records, for
/// any other file its content.
/// </param>
public sealed record FileDigest(string Path, long Bytes, string Sha256)
{
    private const int LeastBuffer = 1 << 12, MostBuffer = 1 << 20;

    /// <summary>Reads a file that is not a TFRecord file.</summary>
    /// <exception cref="DataException">It cannot be read.</exception>
    public static FileDigest OfContent(string path)
    {
        var (bytes, sha256) = Hash(path, HashAlgorithmName.SHA256);
        return new FileDigest(System.IO.Path.GetFullPath(path), bytes, sha256);
    }

    /// <summary>Size and hash of a file's content, in lower-case hexadecimal.</summary>
    /// <param name="path">The file.</param>
    /// <param name="algorithm">The hash algorithm.</param>
    /// <param name="advance">Receives the number of bytes of each read, at most a megabyte.</param>
    /// <exception cref="DataException">It cannot be read.</exception>
    internal static (long Bytes, string Hash) Hash(string path, HashAlgorithmName algorithm, Action<int>? advance = null)
    {
        FileFailure.RefuseSpecial(path);
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, FileOptions.SequentialScan);
            using var hash = IncrementalHash.CreateHash(algorithm);
            // .NET's own loop reads 4 KB at a time: 100,000 calls for an encoder.
            byte[] buffer = new byte[Math.Clamp(stream.Length, LeastBuffer, MostBuffer)];
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
