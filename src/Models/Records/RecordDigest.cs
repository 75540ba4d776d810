using System.Security.Cryptography;
using VideoSim.Models.Datasets;

namespace VideoSim.Models.Records;

/// <summary>Collects the digest of a TFRecord file as it is scanned.</summary>
internal sealed class RecordDigest : IDisposable
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    /// <summary>Adds the scanner's current record.</summary>
    public void Add(TfRecordScanner scanner)
    {
        Span<byte> record = stackalloc byte[sizeof(long) + sizeof(uint) + 1];
        BitConverter.TryWriteBytes(record, scanner.Offset);
        BitConverter.TryWriteBytes(record[sizeof(long)..], scanner.PayloadChecksum ?? 0);
        record[^1] = scanner.PayloadChecksum is null ? (byte)0 : (byte)1;
        _hash.AppendData(record);
    }

    /// <summary>The digest of the scanner's file. Call it after all of the file was scanned.</summary>
    public FileDigest Of(TfRecordScanner scanner) => new(Path.GetFullPath(scanner.Path), scanner.FileBytes, Convert.ToHexStringLower(_hash.GetHashAndReset()));

    public void Dispose() => _hash.Dispose();
}
