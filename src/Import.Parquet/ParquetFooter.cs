using System.Buffers.Binary;
using VideoSim.Engine.Serialization;

namespace VideoSim.Import.Parquet;

/// <summary>
/// The metadata at the end of a Parquet file, checked before Parquet.Net reads them: each struct and its fields, the
/// tree of columns, the numbers of rows and values, and that the bytes of every column are inside the file.
/// </summary>
internal sealed class ParquetFooter
{
    // A row group of five columns has about 500 bytes, and usually 100,000 rows.
    private const int MostBytes = 1 << 23;

    private const int MostElements = 10_000, DeepestElement = 32;

    // Memory holds one group. Writers make groups of at most a million rows, unless they are told to.
    private const int MostRowsOfAGroup = 1 << 24;

    // The word PAR1 at both ends, and the size of the metadata before the second one.
    private const int MagicBytes = 4, TailBytes = 2 * MagicBytes;

    private ParquetFooter(IReadOnlyList<ParquetGroup> groups, int bytes) => (Groups, Bytes) = (groups, bytes);

    /// <summary>The row groups.</summary>
    public IReadOnlyList<ParquetGroup> Groups { get; }

    /// <summary>Size of the metadata.</summary>
    public int Bytes { get; }

    private static ReadOnlySpan<byte> Magic => "PAR1"u8;

    /// <summary>Reads and checks the metadata of a file.</summary>
    /// <exception cref="InvalidDataException">
    /// They are damaged; the message is the end of a sentence about the file.
    /// </exception>
    /// <exception cref="EndOfStreamException">They end too early.</exception>
    public static ParquetFooter Read(Stream file)
    {
        if (file.Length < MagicBytes + TailBytes)
            throw new EndOfStreamException($"it has {file.Length} bytes, too few for one");
        byte[] head = ReadAt(file, 0, MagicBytes), tail = ReadAt(file, file.Length - TailBytes, TailBytes);
        if (tail.AsSpan(MagicBytes).SequenceEqual("PARE"u8))
            throw new InvalidDataException("its metadata are encrypted");
        if (!Magic.SequenceEqual(head) || !Magic.SequenceEqual(tail.AsSpan(MagicBytes)))
            throw new InvalidDataException("it does not begin and end with PAR1");
        uint bytes = BinaryPrimitives.ReadUInt32LittleEndian(tail);
        if (bytes > MostBytes || bytes > file.Length - MagicBytes - TailBytes)
            throw new InvalidDataException($"its metadata have {bytes} bytes; the file has {file.Length}, and at most {MostBytes} are read");
        long end = file.Length - TailBytes - bytes;
        var metadata = new ThriftReader(ReadAt(file, end, (int)bytes)).Read(ThriftShape.FileMetaData)!;
        var leaves = Leaves(metadata.List(2));
        ParquetGroup[] groups = [.. metadata.List(4).Select(group => GroupOf((ThriftStruct)group, leaves, end))];
        long rows = groups.Sum(static group => (long)group.Rows);
        return rows == metadata.Number(3) ? new ParquetFooter(groups, (int)bytes) : throw new InvalidDataException($"it claims {metadata.Number(3)} rows, and its row groups have {rows}");
    }

    internal static byte[] ReadAt(Stream file, long position, int count)
    {
        byte[] bytes = new byte[count];
        file.Position = position;
        file.ReadExactly(bytes);
        return bytes;
    }

    // The columns with values, in the order of the list. The list has the tree of columns, each before its children.
    private static List<ParquetLeaf> Leaves(IReadOnlyList<object> elements)
    {
        if (elements.Count is 0 or > MostElements)
            throw new InvalidDataException($"its schema has {elements.Count} elements; 1 to {MostElements} are read");
        var leaves = new List<ParquetLeaf>();
        var open = new Stack<(string Name, long Children)>();
        for (int i = 0; i < elements.Count; i++)
        {
            var element = (ThriftStruct)elements[i];
            long children = element.FindNumber(5) ?? 0;
            if (i > 0)
            {
                while (open.Count > 0 && open.Peek().Children == 0)
                    open.Pop();
                if (open.Count == 0)
                    throw new InvalidDataException("its schema has an element outside of the tree");
                var (name, left) = open.Pop();
                open.Push((name, left - 1));
            }
            if (children < 0 || children > elements.Count || open.Count == DeepestElement)
                throw new InvalidDataException($"an element of its schema has {children} children, or {DeepestElement} are inside each other");
            if (i == 0 || children > 0)
                open.Push((i == 0 ? "" : element.Text(4), children));
            else
                leaves.Add(new ParquetLeaf([.. open.Reverse().Skip(1).Select(static part => part.Name), element.Text(4)], (ParquetType)element.Number(1), (int)(element.FindNumber(2) ?? 0), IsRequired: open.Count == 1 && element.FindNumber(3) == 0));
        }
        return open.All(static part => part.Children == 0) ? leaves : throw new InvalidDataException("its schema ends before all elements are there");
    }

    private static ParquetGroup GroupOf(ThriftStruct group, List<ParquetLeaf> leaves, long end)
    {
        long rows = group.Number(3);
        if (rows is < 0 or > MostRowsOfAGroup)
            throw new InvalidDataException($"a row group has {rows} rows; at most {MostRowsOfAGroup} are read");
        var chunks = group.List(1);
        if (chunks.Count != leaves.Count)
            throw new InvalidDataException($"a row group has {chunks.Count} columns, and the schema {leaves.Count}");
        return new ParquetGroup((int)rows, [.. chunks.Zip(leaves, (chunk, leaf) => ColumnOf((ThriftStruct)chunk, leaf, end))]);
    }

    private static ParquetColumn ColumnOf(ThriftStruct chunk, ParquetLeaf leaf, long end)
    {
        string name = Printable.Quote(string.Join('.', leaf.Path));
        if (chunk.FindText(1) is not null)
            throw new InvalidDataException($"the column {name} is in another file");
        var data = chunk.Find(3) ?? throw new InvalidDataException($"the column {name} has no metadata, or they are encrypted");
        if (!data.List(3).Select(static part => System.Text.Encoding.UTF8.GetString((byte[])part)).SequenceEqual(leaf.Path) || (ParquetType)data.Number(1) != leaf.Type)
            throw new InvalidDataException($"the column {name} of a row group has another name or type than in the schema");
        long values = data.Number(5), bytes = data.Number(7), start = new[] { data.Number(9), data.FindNumber(10) ?? 0, data.FindNumber(11) ?? 0 }.Where(static offset => offset != 0).DefaultIfEmpty(0).Min();
        if (values is < 0 or > int.MaxValue || start < MagicBytes || bytes < 0 || start > end - bytes)
            throw new InvalidDataException($"the column {name} has {values} values in {bytes} bytes from byte {start} on; the columns of the file end at byte {end}");
        return new ParquetColumn(leaf, name, (ParquetCodec)data.Number(4), (int)values, start, bytes);
    }
}

/// <summary>Types of stored values, as in parquet.thrift.</summary>
internal enum ParquetType
{
    Boolean, Int32, Int64, Int96, Float, Double, ByteArray, FixedLengthByteArray,
}

/// <summary>Compressions, as in parquet.thrift.</summary>
internal enum ParquetCodec
{
    Uncompressed, Snappy, Gzip, Lzo, Brotli, Lz4, Zstd, Lz4Raw,
}

/// <summary>A column of the schema that has values.</summary>
/// <param name="Path">Names from the top down.</param>
/// <param name="Type">Type of its values.</param>
/// <param name="TypeLength">Size of a value of fixed length.</param>
/// <param name="IsRequired">Whether each row has exactly one value.</param>
internal sealed record ParquetLeaf(string[] Path, ParquetType Type, int TypeLength, bool IsRequired);

/// <summary>A column of a row group.</summary>
/// <param name="Leaf">The column in the schema.</param>
/// <param name="Name">Its name, for messages.</param>
/// <param name="Codec">Compression of its pages.</param>
/// <param name="Values">Number of its values, nulls and empty lists included.</param>
/// <param name="Start">Position of its first page.</param>
/// <param name="Bytes">Size of its pages with their headers.</param>
internal sealed record ParquetColumn(ParquetLeaf Leaf, string Name, ParquetCodec Codec, int Values, long Start, long Bytes);

/// <summary>A row group.</summary>
/// <param name="Rows">Number of its rows.</param>
/// <param name="Columns">All its columns.</param>
internal sealed record ParquetGroup(int Rows, IReadOnlyList<ParquetColumn> Columns)
{
    // What the values of a group may take: half a gigabyte, and more if the file has it.
    private const long Free = 1L << 29, TimesFile = 16;

    // A value, its two levels, and its place in a dictionary.
    private const int ValueBytes = 32;

    /// <summary>Checks the pages of some columns, before a library reads them.</summary>
    /// <param name="file">The file.</param>
    /// <param name="names">Names of the columns at the top of the schema.</param>
    /// <returns>The bytes that a reader of these columns reads at most, with 16 for each read.</returns>
    /// <exception cref="InvalidDataException">A page is damaged, or the values take too much memory.</exception>
    /// <exception cref="EndOfStreamException">A page ends too early.</exception>
    public long CheckPages(Stream file, IReadOnlyCollection<string> names)
    {
        long memory = 0, reads = 0, most = Free + (TimesFile * file.Length);
        foreach (var column in Columns.Where(column => names.Contains(column.Leaf.Path[0])))
        {
            if (column.Leaf.IsRequired ? column.Values != Rows : column.Values < Rows)
                throw new InvalidDataException($"the column {column.Name} has {column.Values} values in a row group of {Rows} rows");
            var (headerBytes, unpacked) = new ParquetPages(file, column, most - memory).Check();
            memory += unpacked + (ValueBytes * (long)column.Values);
            // Headers are read byte by byte.
            reads += (2 * column.Bytes) + (32L * headerBytes);
            if (memory > most)
                throw new InvalidDataException($"the values of a row group would take more than {most} bytes of memory, too much for a file of {file.Length} bytes");
        }
        return reads;
    }
}
