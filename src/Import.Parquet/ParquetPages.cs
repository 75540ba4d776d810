using System.IO.Compression;
using System.IO.Hashing;
using K4os.Compression.LZ4;
using Snappier;

namespace VideoSim.Import.Parquet;

/// <summary>
/// Checks the pages of a column without decoding their values: headers, sizes, numbers of values, checksums where
/// there are some, and that a dictionary is there before it is used.
/// </summary>
/// <remarks>
/// Parquet.Net trusts all of these. It takes memory of the size that a page claims, and reads what was in that memory
/// before if the page has less. Without a dictionary it leaves the values as they were.
/// </remarks>
/// <param name="file">The file.</param>
/// <param name="column">The column.</param>
/// <param name="most">The most bytes that its pages may have when they are unpacked.</param>
internal sealed class ParquetPages(Stream file, ParquetColumn column, long most)
{
    // A header has about 50 bytes. With statistics it has two values of the column.
    private const int UsualHeader = 1 << 10, LongestHeader = 1 << 20;

    private const long DataPage = 0, DictionaryPage = 2, DataPageV2 = 3;
    private const long Plain = 0, PlainDictionary = 2, RleDictionary = 8;

    // Zstandard without the size of the content gives its number of blocks, each of at most 128 KB.
    private const int Slack = 1 << 20;

    private bool _hasDictionary;
    private long _values, _unpacked;
    private int _headerBytes;

    /// <summary>Checks all pages.</summary>
    /// <returns>Size of the headers, and of all pages when they are unpacked.</returns>
    /// <exception cref="InvalidDataException">A page is damaged.</exception>
    /// <exception cref="EndOfStreamException">A page ends too early.</exception>
    public (int HeaderBytes, long Unpacked) Check()
    {
        long position = column.Start, end = column.Start + column.Bytes;
        while (_values < column.Values)
        {
            var header = ReadHeader(position, end, out int headerBytes);
            position += headerBytes;
            _headerBytes += headerBytes;
            long packed = header.Number(3), unpacked = header.Number(2);
            if (packed < 0 || unpacked < 0 || packed > end - position)
                throw Wrong($"a page of {packed} bytes at byte {position}, unpacked {unpacked}; the column ends at byte {end}");
            _unpacked += unpacked;
            if (_unpacked > most)
                throw Wrong($"pages of more than {most} bytes when they are unpacked, too much for a file of {file.Length} bytes");
            CheckPage(header, position, (int)packed, (int)unpacked);
            position += packed;
        }
        return _values == column.Values ? (_headerBytes, _unpacked) : throw Wrong($"{column.Values} values, and its pages {_values}");
    }

    private ThriftStruct ReadHeader(long position, long end, out int bytes)
    {
        foreach (int most in new[] { UsualHeader, LongestHeader })
        {
            byte[] start = ParquetFooter.ReadAt(file, position, (int)Math.Min(most, end - position));
            var reader = new ThriftReader(start);
            try
            {
                var header = reader.Read(ThriftShape.PageHeader)!;
                bytes = reader.Position;
                return header;
            }
            catch (EndOfStreamException) when (most == UsualHeader && start.Length == most)
            {
                // A longer header is read again.
            }
        }
        throw Wrong($"a page whose header at byte {position} is longer than {LongestHeader} bytes");
    }

    private void CheckPage(ThriftStruct header, long position, int packed, int unpacked)
    {
        long type = header.Number(1);
        if (header.FindNumber(4) is { } checksum && Checksum(position, packed) != (uint)checksum)
            throw Wrong($"a page at byte {position} that does not match its checksum");
        switch (type)
        {
            case DictionaryPage:
                var dictionary = header.Find(7) ?? throw Wrong("a page of a dictionary without its header");
                CheckDictionary(dictionary.Number(1), dictionary.Number(2), unpacked);
                CheckUnpacked(position, packed, unpacked);
                _hasDictionary = true;
                break;
            case DataPage:
                var data = header.Find(5) ?? throw Wrong("a page of values without its header");
                CountValues(data.Number(1), data.Number(2));
                CheckUnpacked(position, packed, unpacked);
                break;
            case DataPageV2:
                var second = header.Find(8) ?? throw Wrong("a page of values without its header");
                long levels = second.Number(5) + second.Number(6), nulls = second.Number(2);
                CountValues(second.Number(1), second.Number(4));
                if (second.Number(5) < 0 || second.Number(6) < 0 || levels > packed || levels > unpacked || nulls < 0 || nulls > second.Number(1))
                    throw Wrong($"a page of {packed} bytes with {levels} bytes of levels and {nulls} nulls");
                // The library does not know how much of such a page is there.
                if (column.Codec is ParquetCodec.Brotli or ParquetCodec.Lz4 or ParquetCodec.Lz4Raw)
                    throw Wrong($"the compression {column.Codec} in pages of version 2, which is not supported");
                if (second.FindNumber(7) != 0)
                    CheckUnpacked(position + levels, packed - (int)levels, unpacked - (int)levels);
                break;
            default:
                throw Wrong($"a page of the unknown type {type}");
        }
    }

    private void CheckDictionary(long entries, long encoding, int unpacked)
    {
        if (_hasDictionary || _values > 0)
            throw Wrong("a dictionary that does not come first");
        int width = column.Leaf.Type switch
        {
            ParquetType.Int32 or ParquetType.Float => sizeof(int),
            ParquetType.Int64 or ParquetType.Double => sizeof(long),
            ParquetType.ByteArray => 0,
            ParquetType.FixedLengthByteArray when column.Leaf.TypeLength > 0 => column.Leaf.TypeLength,
            var type => throw Wrong($"a dictionary of {type}"),
        };
        // A text has its length before it.
        if (encoding is not (Plain or PlainDictionary) || entries < 0 || (width > 0 ? entries * width != unpacked : entries * sizeof(int) > unpacked))
            throw Wrong($"a dictionary of {entries} entries in {unpacked} bytes, encoding {encoding}");
    }

    private void CountValues(long values, long encoding)
    {
        if (encoding is PlainDictionary or RleDictionary && !_hasDictionary)
            throw Wrong("a page that uses a dictionary, and no dictionary");
        if (values < 0 || values > column.Values - _values)
            throw Wrong($"{column.Values} values, and its pages have more");
        _values += values;
    }

    private uint Checksum(long position, int count)
    {
        var sum = new Crc32();
        sum.Append(ParquetFooter.ReadAt(file, position, count));
        return sum.GetCurrentHashAsUInt32();
    }

    // The library slices what gzip gives, and allocates what the header of Snappy or Zstandard says.
    private void CheckUnpacked(long position, int packed, int unpacked)
    {
        long found = column.Codec switch
        {
            ParquetCodec.Uncompressed => packed,
            ParquetCodec.Snappy => Snappy.GetUncompressedLength(ParquetFooter.ReadAt(file, position, Math.Min(packed, sizeof(long)))),
            ParquetCodec.Zstd => ZstdSharp.Decompressor.GetDecompressedSize(ParquetFooter.ReadAt(file, position, packed)) is var size && size <= (ulong)(2L * unpacked) + Slack ? unpacked : (long)Math.Min(size, long.MaxValue),
            ParquetCodec.Gzip => unpacked,
            ParquetCodec.Brotli => BrotliBytes(position, packed, unpacked),
            ParquetCodec.Lz4 or ParquetCodec.Lz4Raw => LZ4Codec.Decode(ParquetFooter.ReadAt(file, position, packed), new byte[unpacked]),
            var codec => throw Wrong($"the compression {codec}, which is not supported"),
        };
        if (found != unpacked)
            throw Wrong($"a page at byte {position} that unpacks to {found} bytes instead of {unpacked}");
    }

    private long BrotliBytes(long position, int packed, int unpacked) =>
        BrotliDecoder.TryDecompress(ParquetFooter.ReadAt(file, position, packed), new byte[unpacked], out int written) ? written : -1;

    private InvalidDataException Wrong(string complaint) => new($"the column {column.Name} has {complaint}");
}
