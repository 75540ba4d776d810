using System.IO.Compression;
using System.IO.Hashing;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Submissions;

/// <summary>Zips that may be damaged or made to fill the memory.</summary>
internal static class CheckedZip
{
    // A submission has one file, those of the reference's folds a few. A list of this size has thousands.
    private const int MostDirectoryBytes = 1 << 20;

    /// <summary>Reads a zip.</summary>
    /// <exception cref="DataException">It is no zip, or damaged.</exception>
    public static T Open<T>(Stream stream, string path, Func<ZipArchive, T> read)
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
    /// The unpacked content of a file. Its length is the one that the zip gives, which may be wrong.
    /// </summary>
    /// <param name="entry">The file.</param>
    /// <param name="path">The zip, for messages.</param>
    /// <param name="maxBytes">The most bytes to unpack.</param>
    public static Stream Content(ZipArchiveEntry entry, string path, long maxBytes) =>
        new CheckedContent(entry.Open(), $"{path}: {Printable.OneLine(entry.FullName)}", entry.Length, maxBytes, entry.Crc32);

    /// <summary>
    /// The unpacked content. It is counted against a limit and compared with its checksum at the end. The library
    /// checks neither: a small file could fill the memory, and a flipped bit could change a digit.
    /// </summary>
    private sealed class CheckedContent(Stream content, string name, long length, long maxBytes, uint expectedCrc) : Stream
    {
        private readonly Crc32 _crc = new();
        private long _bytes;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => length;

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
