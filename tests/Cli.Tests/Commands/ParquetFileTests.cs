using System.Buffers.Binary;
using System.Text;
using Parquet;
using Parquet.Schema;
using VideoSim.Engine;
using VideoSim.Import.Parquet;
using VideoSim.Models.Import;
using Xunit;

namespace VideoSim.Cli.Tests.Commands;

/// <summary>
/// Parquet files that lead a reader astray: one line names the file, soon, and before memory is taken. Parquet.Net
/// alone reads most of them for ever, takes the memory that they claim, or gives values that are not in the file.
/// </summary>
public sealed class ParquetFileTests : IDisposable
{
    private const byte I32 = 5, I64 = 6, Binary = 8, List = 9, Struct = 12;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("videosim-test-");

    [Fact]
    public void Read_FileMadeByHand_GivesItsRows() => Assert.Equal(["a x", "b y"], Read(new Table().Bytes()).Select(static row => $"{row.Id} {row.Title}"));

    public static TheoryData<Table, string> Hostile => new()
    {
        { new Table { Encoding = 8 }, "the column 'title' has a page that uses a dictionary, and no dictionary" },
        { new Table { Encoding = 2 }, "the column 'title' has a page that uses a dictionary, and no dictionary" },
        { new Table { Rows = 1_000_000_000 }, "a row group has 1000000000 rows; at most 16777216 are read" },
        { new Table { Rows = -1 }, "a row group has -1 rows" },
        { new Table { Rows = 3 }, "the column 'id' has 2 values in a row group of 3 rows" },
        { new Table { AllRows = 5 }, "it claims 5 rows, and its row groups have 2" },
        { new Table { Values = int.MaxValue }, "the column 'title' has 2147483647 values in a row group of 2 rows" },
        { new Table { Values = long.MaxValue }, "the column 'title' has 9223372036854775807 values in" },
        { new Table { PageValues = 5 }, "the column 'title' has 2 values, and its pages have more" },
        { new Table { PageValues = -1 }, "the column 'title' has 2 values, and its pages have more" },
        { new Table { Unpacked = int.MaxValue }, "when they are unpacked, too much for a file of" },
        { new Table { Unpacked = 100_000_000 }, "that unpacks to 10 bytes instead of 100000000" },
        { new Table { Packed = 1_000_000 }, "a page of 1000000 bytes at byte" },
        { new Table { Packed = -5 }, "a page of -5 bytes at byte" },
        { new Table { Codec = 1 }, "the column 'title' has a page at byte" },
        { new Table { Codec = 3 }, "the compression Lzo, which is not supported" },
        { new Table { Codec = 5 }, "the column 'title' has a page at byte" },
        { new Table { Codec = 77 }, "the compression 77, which is not supported" },
        { new Table { Checksum = 5 }, "that does not match its checksum" },
        { new Table { PageType = 1 }, "a page of the unknown type 1" },
        { new Table { PageType = 3 }, "a page of values without its header" },
        { new Table { Start = 1_000_000 }, "values in 27 bytes from byte 1000000 on; the columns of the file end at byte" },
        { new Table { Start = long.MaxValue }, "values in 27 bytes from byte 9223372036854775807 on" },
        { new Table { Other = static chunk => chunk.Text(1, "/etc/passwd") }, "the column 'title' is in another file" },
        { new Table { Name = "b" }, "the column 'title' of a row group has another name or type than in the schema" },
        { new Table { Children = 3 }, "its schema ends before all elements are there" },
        { new Table { Children = 1 }, "its schema has an element outside of the tree" },
        { new Table { Children = int.MaxValue }, "an element of its schema has 2147483647 children" },
        { new Table { End = static metadata => metadata.Field(20, Struct).Raw(0) }, "its FileMetaData has the unknown field 20 of the type 12" },
        { new Table { End = static metadata => metadata.Field(20, 11).Raw(0) }, "its FileMetaData has the unknown field 20 of the type 11" },
        { new Table { End = static metadata => metadata.Field(6, I32).Raw(0) }, "field 6 of its FileMetaData has the type 5" },
        { new Table { End = static metadata => metadata.Field(7, List).Raw(0xfc, 0xff, 0xff, 0xff, 0xff, 0x07) }, "field 7 of its FileMetaData has 2147483647 items, more than the bytes that are left" },
        { new Table { End = static metadata => metadata.Field(7, List).Raw(0x15, 0) }, "field 7 of its FileMetaData is a list of the type 5" },
        { new Table { End = static metadata => metadata.Text(6, "x").Text(6, "y") }, "its FileMetaData has the field 6 twice" },
        { new Table { End = static metadata => metadata.Field(6, Binary).Raw(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff) }, "its metadata have a number of more than 64 bits" },
        { new Table { End = static metadata => metadata.Field(6, Binary).Raw(0xff, 0xff, 0x03) }, "its metadata end too early" },
    };

    [Theory]
    [MemberData(nameof(Hostile), DisableDiscoveryEnumeration = true)]
    public void Read_HostileFile_IsRefusedInOneLine(Table table, string complaint)
    {
        var watch = System.Diagnostics.Stopwatch.StartNew();
        long before = GC.GetAllocatedBytesForCurrentThread();
        string message = Assert.Throws<DataException>(() => Read(table.Bytes())).Message;
        Assert.StartsWith($"{Path}: cannot be read as a Parquet file: ", message, StringComparison.Ordinal);
        Assert.Contains(complaint, message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 5);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 10_000_000);
    }

    // Damage of any byte is found, or is another value. Only the metadata are damaged, where the library loops.
    [Fact]
    public async Task Read_DamagedMetadata_ComesToAnEnd()
    {
        var (id, title, tags) = (new DataField<string>("id"), new DataField<string>("title"), new ListField("tags", new DataField<int>("element")));
        await using (var file = File.Create(Path))
        await using (var writer = await ParquetWriter.CreateAsync(new ParquetSchema(id, title, tags), file, cancellationToken: TestContext.Current.CancellationToken))
        {
            using var group = writer.CreateRowGroup();
            await group.WriteAsync(id, Enumerable.Range(0, 50).Select(static i => $"id {i}").ToArray());
            await group.WriteAsync(title, Enumerable.Range(0, 50).Select(static i => $"title {i % 7}").ToArray());
            await group.WriteAllPartsAsync<int>((DataField)tags.Item, Enumerable.Range(0, 50).ToArray(), Enumerable.Repeat(2, 50).ToArray(), Enumerable.Repeat(0, 50).ToArray(), TestContext.Current.CancellationToken);
        }
        byte[] whole = await File.ReadAllBytesAsync(Path, TestContext.Current.CancellationToken);
        Assert.Equal(50, Read(whole).Length);
        int metadata = BinaryPrimitives.ReadInt32LittleEndian(whole.AsSpan(whole.Length - 8)) + 8;
        var random = new Random(1);
        for (int i = 0; i < 3_000; i++)
        {
            byte[] damaged = [.. whole];
            for (int changes = random.Next(1, 4); changes > 0; changes--)
                damaged[i % 2 == 0 ? whole.Length - 1 - random.Next(metadata) : random.Next(whole.Length)] = (byte)random.Next(256);
            try
            {
                Read(damaged);
            }
            catch (DataException failure)
            {
                Assert.StartsWith($"{Path}: ", failure.Message, StringComparison.Ordinal);
                Assert.DoesNotContain('\n', failure.Message);
            }
        }
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private string Path => System.IO.Path.Combine(_folder.FullName, "v.parquet");

    private TableRow[] Read(byte[] bytes)
    {
        File.WriteAllBytes(Path, bytes);
        return [.. new ParquetTable(Path).Read()];
    }

    /// <summary>A table of two rows. What is set is wrong in the column of titles or in the metadata.</summary>
    public sealed record Table
    {
        public long Rows { get; init; } = 2;
        public long? AllRows { get; init; }
        public long Values { get; init; } = 2;
        public int PageValues { get; init; } = 2;
        public int PageType { get; init; }
        public int Encoding { get; init; }
        public int Codec { get; init; }
        public int Unpacked { get; init; } = 10;
        public int Packed { get; init; } = 10;
        public int? Checksum { get; init; }
        public long? Start { get; init; }
        public int Children { get; init; } = 2;
        public string Name { get; init; } = "title";
        public Func<Thrift, Thrift> Other { get; init; } = static chunk => chunk;
        public Func<Thrift, Thrift> End { get; init; } = static metadata => metadata;

        public byte[] Bytes()
        {
            var file = new List<byte>("PAR1"u8.ToArray());
            Thrift ids = Column("id", "ab", new Table(), file), titles = Column(Name, "xy", this, file);
            var schema = new[] { new Thrift().Text(4, "schema").Number(5, I32, Children), Element("id"), Element("title") };
            var metadata = new Thrift().Number(1, I32, 1).Items(2, schema).Number(3, I64, AllRows ?? Rows)
                .Items(4, new Thrift().Items(1, ids, titles).Number(2, I64, 60).Number(3, I64, Rows));
            byte[] footer = End(metadata).Close();
            return [.. file, .. footer, .. BitConverter.GetBytes(footer.Length), .. "PAR1"u8];
        }

        private static Thrift Element(string name) => new Thrift().Number(1, I32, 6).Number(3, I32, 0).Text(4, name);

        private static Thrift Column(string name, string values, Table table, List<byte> file)
        {
            long start = file.Count;
            var header = new Thrift().Number(1, I32, table.PageType).Number(2, I32, table.Unpacked).Number(3, I32, table.Packed);
            if (table.Checksum is { } checksum)
                header.Number(4, I32, checksum);
            header.Inside(5, new Thrift().Number(1, I32, table.PageValues).Number(2, I32, table.Encoding).Number(3, I32, 3).Number(4, I32, 3));
            file.AddRange(header.Close());
            foreach (char value in values)
                file.AddRange([1, 0, 0, 0, (byte)value]);
            var data = new Thrift().Number(1, I32, 6).Field(2, List).Raw(0x15, 0).Field(3, List).Raw(0x18, (byte)name.Length).Raw(System.Text.Encoding.UTF8.GetBytes(name))
                .Number(4, I32, table.Codec).Number(5, I64, table.Values).Number(6, I64, 31).Number(7, I64, file.Count - start).Number(9, I64, table.Start ?? start);
            return table.Other(new Thrift()).Number(2, I64, start).Inside(3, data);
        }
    }

    /// <summary>Writes a struct in Thrift's compact protocol.</summary>
    public sealed class Thrift
    {
        private readonly List<byte> _bytes = [];
        private int _last;

        public Thrift Field(int id, byte type)
        {
            if (id - _last is > 0 and < 16)
                _bytes.Add((byte)((id - _last) << 4 | type));
            else
                Raw(type).Varint((ulong)(id << 1));
            _last = id;
            return this;
        }

        public Thrift Raw(params byte[] bytes)
        {
            _bytes.AddRange(bytes);
            return this;
        }

        public Thrift Number(int id, byte type, long value) => Field(id, type).Varint((ulong)(value << 1 ^ value >> 63));

        public Thrift Text(int id, string text) => Field(id, Binary).Varint((ulong)text.Length).Raw(Encoding.ASCII.GetBytes(text));

        public Thrift Inside(int id, Thrift value) => Field(id, Struct).Raw(value.Close());

        public Thrift Items(int id, params Thrift[] items) => Field(id, List).Raw([(byte)(items.Length << 4 | Struct), .. items.SelectMany(static item => item.Close())]);

        public byte[] Close() => [.. _bytes, 0];

        private Thrift Varint(ulong value)
        {
            for (; value >= 0x80; value >>= 7)
                _bytes.Add((byte)(value | 0x80));
            _bytes.Add((byte)value);
            return this;
        }
    }
}
