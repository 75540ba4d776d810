using System.IO.Compression;
using System.IO.Hashing;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Submissions;

/// <summary>The zip around a submission's JSON.</summary>
internal static class SubmissionZip
{
    private const string EntryName = "result.json";

    // The reference's zips have one file, those of its folds a few. A list of this size has thousands.
    private const int MostDirectoryBytes = 1 << 20;

    // The earliest time of the zip format. With a fixed time, the same embeddings give the same bytes at any time.
    private static readonly DateTimeOffset FixedTime = new(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>
    /// Writes a zip. Its comment, which readers of submissions ignore, is the JSON of <see cref="EmbeddingOrigin"/>.
    /// </summary>
    public static void Write(Stream stream, EmbeddingTable table, EmbeddingRounding rounding, string path, int threads)
    {
        using var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true);
        if (table.Origin is { } origin)
            zip.Comment = (origin with { Precision = rounding }).ToJson().ToJsonString();
        var entry = zip.CreateEntry(EntryName, CompressionLevel.Optimal);
        entry.LastWriteTime = FixedTime;
        using var content = entry.Open();
        SubmissionJsonWriter.Write(content, table, rounding, path, threads);
    }

    /// <summary>
    /// Reads the embeddings of a zip's <c>result.json</c>. Without that file, it reads the only <c>.json</c> file of
    /// the zip, as in the reference's zips of folds (<c>10fold_b_json/10fold_1_mix.json</c>). Other files are ignored.
    /// </summary>
    /// <param name="stream">The zip.</param>
    /// <param name="read">Reads the JSON.</param>
    /// <param name="path">The file, for messages.</param>
    /// <param name="maxUnpackedBytes">The largest size of the JSON.</param>
    /// <returns>What computed the embeddings; null if the zip does not tell.</returns>
    /// <exception cref="DataException">The zip is damaged or too large, or its content is wrong.</exception>
    public static EmbeddingOrigin? Read(Stream stream, Action<Stream> read, string path, long maxUnpackedBytes) => Open(stream, path, zip =>
    {
        var entries = zip.Entries;
        var found = entries.Where(static entry => entry.FullName == EntryName).ToArray();
        if (found.Length == 0)
            found = [.. entries.Where(static entry => entry.Name.EndsWith(".json", StringComparison.Ordinal) && !entry.Name.StartsWith('.'))];
        if (found.Length != 1)
            throw new DataException($"{path}: expected one {EntryName} or one other .json, found {(found.Length == 0 ? "none" : string.Join(", ", found.Take(3).Select(static entry => Printable.Quote(entry.FullName))))}");
        using var content = new CheckedContent(found[0].Open(), $"{path}: {Printable.OneLine(found[0].FullName)}", maxUnpackedBytes, found[0].Crc32);
        read(content);
        return EmbeddingOrigin.Parse(zip.Comment);
    });

    /// <summary>What computed the embeddings in a zip; null if the zip does not tell.</summary>
    /// <inheritdoc cref="Read"/>
    public static EmbeddingOrigin? OriginOf(Stream stream, string path) => Open(stream, path, static zip => EmbeddingOrigin.Parse(zip.Comment));

    private static EmbeddingOrigin? Open(Stream stream, string path, Func<ZipArchive, EmbeddingOrigin?> read)
    {
        try
        {
            // The library reads the list of files when it opens a zip, whatever its length.
            var metered = new MeteredStream(stream, path);
            metered.Allow(MostDirectoryBytes);
            using var zip = new ZipArchive(metered, ZipArchiveMode.Read, leaveOpen: true);
            _ = zip.Entries;
            metered.Allow(long.MaxValue);
            return read(zip);
        }
        catch (InvalidDataException failure)
        {
            throw new DataException($"{path}: not a zip, or damaged: {Printable.OneLine(failure.Message.TrimEnd('.'))}", failure);
        }
    }

    /// <summary>
    /// The unpacked content. It is counted against a limit and compared with its checksum at the end. The library
    /// checks neither: a small file could fill the memory, and a flipped bit could change a digit.
    /// </summary>
    private sealed class CheckedContent(Stream content, string name, long maxBytes, uint expectedCrc) : Stream
    {
        private readonly Crc32 _crc = new();
        private long _bytes;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => _bytes; set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override int Read(Span<byte> buffer)
        {
            int read = content.Read(buffer);
            _bytes += read;
            if (_bytes > maxBytes)
                throw new DataException($"{name} unpacks to more than {maxBytes} bytes");
            _crc.Append(buffer[..read]);
            if (read == 0 && !buffer.IsEmpty && _crc.GetCurrentHashAsUInt32() != expectedCrc)
                throw new DataException($"{name} does not match its checksum: the file is damaged");
            return read;
        }

        public override void Flush() => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            content.Dispose();
            base.Dispose(disposing);
        }
    }
}
