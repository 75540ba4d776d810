using System.Globalization;
using System.IO.Compression;
using System.Text;
using VideoSim.Engine;
using VideoSim.Models.Submissions;
using VideoSim.Models.Tests.Records;
using Xunit;

namespace VideoSim.Models.Tests.Submissions;

/// <summary>The number of threads changes neither the bytes that are written nor what is read or refused.</summary>
public sealed class SubmissionThreadsTests : IDisposable
{
    // Some 1.4 MB of text: over 20 blocks. Their buffers end inside of lists and numbers.
    private const int Rows = 300, Width = 256;

    private static readonly int[] Threads = [1, 2, 3];

    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string At(string name) => Path.Combine(_folder.Path, name);

    [Theory]
    [InlineData(".zip", EmbeddingRounding.Half)]
    [InlineData(".zip", EmbeddingRounding.Double)]
    [InlineData(".json", EmbeddingRounding.Double)]
    public void Write_AnyThreads_GivesTheSameBytes(string kind, EmbeddingRounding rounding)
    {
        var table = Large();
        byte[][] files = [.. Threads.Select(threads =>
        {
            SubmissionFile.Write(At(threads + kind), table, rounding, threads);
            return File.ReadAllBytes(At(threads + kind));
        })];
        Assert.Equal(files[0], files[1]);
        Assert.Equal(files[0], files[2]);
    }

    // The positions of the flushes are part of the format: files written by earlier versions have the same bytes.
    [Fact]
    public void Write_Json_IsFlushedBehindTheRowThatFillsTheBuffer()
    {
        using var stream = new WriteLog();
        SubmissionJsonWriter.Write(stream, Large(), EmbeddingRounding.Double, "e.json", threads: 2);

        string text = Encoding.UTF8.GetString(stream.ToArray());
        var writes = new List<int>();
        for (int at = 0; at < text.Length; at++)
        {
            if (at == text.Length - 1 || (text[at] == ']' && at + 1 - writes.LastOrDefault() > 1 << 16))
                writes.Add(at + 1);
        }
        Assert.Equal(writes, stream.FlushedAt);
        Assert.True(writes.Count > 10);
    }

    [Fact]
    public void Write_TwoValuesTooLarge_NamesTheFirstAndKeepsTheOldFile()
    {
        string path = _folder.Write("e.json", "old");
        var table = Tables.Of([.. Enumerable.Range(0, 200).Select(row => ($"{row}", new[] { row is 70 or 90 ? -70000.0 : 1 }))]);
        foreach (int threads in Threads)
        {
            var failure = Assert.Throws<DataException>(() => SubmissionFile.Write(path, table, EmbeddingRounding.Half, threads));
            Assert.Equal($"{path}: id '70' has the value -70000, too large for Half precision", failure.Message);
            Assert.Equal("old", File.ReadAllText(path));
        }
    }

    [Fact]
    public void Read_AnyThreads_GivesTheSameTable()
    {
        var table = Large();
        foreach (string kind in new[] { ".zip", ".json" })
        {
            SubmissionFile.Write(At("e" + kind), table, EmbeddingRounding.Double);
            foreach (int threads in Threads)
                Assert.Equal(Tables.Show(table), Tables.Show(SubmissionFile.Read(At("e" + kind), threads)));
        }
    }

    // Otherwise every file would be read twice, and no other test would notice.
    [Theory]
    [InlineData(1, ",", ":")]
    [InlineData(3, ",", ":")]
    [InlineData(3, ", ", ": ")]
    [InlineData(3, ",\n", " :\n")]
    public void ReadInBlocks_UsualJson_IsRead(int threads, string comma, string colon)
    {
        var table = Large();
        var builder = new EmbeddingTableBuilder("e.json");
        SubmissionJsonReader.ReadInBlocks(Bytes(Json(table, comma, colon)), builder.Add, "e.json", threads);
        Assert.Equal(Tables.Show(table), Tables.Show(builder.Build()));
    }

    // What blocks cannot read is read in order.
    [Theory]
    [InlineData("],")]
    [InlineData("long list")]
    public void Read_JsonThatBlocksCannotCut_IsReadInOrder(string odd)
    {
        string json = odd == "],"
            ? Json(Large(), ",", ":").Replace("\"1", "\"],1", StringComparison.Ordinal)
            : $"{{\"a\":[{new string(' ', 300_000)}1],\"b\":[2]}}";
        string path = _folder.Write("e.json", json);
        string[] inOrder = Tables.Show(SubmissionFile.Read(path, threads: 1));

        Assert.Throws<DataException>(() => SubmissionJsonReader.ReadInBlocks(Bytes(json), new EmbeddingTableBuilder(path).Add, path, threads: 2));
        Assert.Equal(inOrder, Tables.Show(SubmissionFile.Read(path, threads: 2)));
    }

    // A block would end in the id "b]", and what follows it would be right.
    [Fact]
    public void Read_WrongIdWhereABlockIsCut_IsRefused()
    {
        string blanks = new(' ', 40_000);
        AssertSameFailure(_folder.Write("e.json", $"{{\"a\":[{blanks}1],\"b],\"c\":[{blanks}2]}}"), "is not valid JSON: ");
    }

    // Where the JSON is wrong is told as by one thread: the line and the position of the whole file.
    [Theory]
    [InlineData("\"1250\":[", "\"1250\":{", "id '1250' needs a list of numbers")]
    [InlineData("\"1250\":[", "\"1250\":[NaN,", "id '1250' has NaN, which is not a number in JSON")]
    [InlineData("\"1250\":[", "\"1250\":[[", "id '1250' is not valid JSON: ", "LineNumber: 250 |")]
    [InlineData("\"1250\":[", "\"1250\"[", "is not valid JSON: ", "LineNumber: 250 | BytePositionInLine: 6.")]
    [InlineData("\"1250\":[", "\"1250\":[1,", "id '1250' has more than 256 values")]
    [InlineData("\"1250\":[", "\"1003\":[", "id '1003' occurs twice")]
    [InlineData("\"1250\":[", "\"\":[", "id '' is empty")]
    [InlineData("\"1250\":[", "\"x\":[3],\n\"1250\":[", "id 'x' has 1 values, but the ids before it have 256")]
    [InlineData("]}", "]", "is not valid JSON: ")]
    [InlineData("]}", "]}}", "is not valid JSON: ", "LineNumber: 299 |")]
    public void Read_WrongJsonInALaterBlock_IsRefusedAsByOneThread(string right, string wrong, params string[] complaints)
    {
        string json = Json(Large(), ",\n", ":").Replace("\"1250\":[-", "\"1250\":[", StringComparison.Ordinal);
        Assert.Contains(right, json, StringComparison.Ordinal);
        string path = _folder.Write("e.json", json.Replace(right, wrong, StringComparison.Ordinal));
        AssertSameFailure(path, [$"{path}: ", .. complaints]);
    }

    [Fact]
    public void Read_DamageBehindTheFirstBlock_IsRefusedAsByOneThread()
    {
        string path = At("e.zip");
        using (var zip = ZipFile.Open(path, ZipArchiveMode.Create))
        {
            using var content = new StreamWriter(zip.CreateEntry("result.json", CompressionLevel.NoCompression).Open());
            content.Write(Json(Large(), ",", ":"));
        }
        byte[] bytes = File.ReadAllBytes(path);
        bytes[bytes.AsSpan().IndexOf("\"1250\":["u8) + "\"1250\":[-0.".Length] ^= 1;
        File.WriteAllBytes(path, bytes);
        AssertSameFailure(path, "result.json does not match its checksum");
    }

    [Fact]
    public void ReadEach_FilesOfSomeWidths_GivesEachTable()
    {
        (string Path, EmbeddingTable Table)[] files = [.. new[] { 2, 2, 1, 3 }.Select((width, index) => (At($"{index}.json"), Numbers(600 - (index * 100), width, seed: index)))];
        foreach (var (path, table) in files)
            SubmissionFile.Write(path, table, EmbeddingRounding.Double);

        int next = 0;
        foreach (var read in SubmissionFile.ReadEach(files.Select(static file => file.Path)))
        {
            Assert.Equal(files[next].Path, read.Source);
            Assert.Equal(Tables.Show(files[next++].Table), Tables.Show(read));
        }
        Assert.Equal(files.Length, next);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void ReadEach_TableBeforeTheLast_HasIdsAndRefusesItsValues(int nextWidth)
    {
        EmbeddingTable[] written = [Numbers(5, 2, seed: 1), Numbers(5, nextWidth, seed: 2)];
        string[] paths = [At("0.json"), At("1.json")];
        for (int i = 0; i < paths.Length; i++)
            SubmissionFile.Write(paths[i], written[i], EmbeddingRounding.Double);

        var read = SubmissionFile.ReadEach(paths).ToList();
        Assert.Equal(written[0].Ids, read[0].Ids);
        var failure = Assert.Throws<InvalidOperationException>(() => read[0][0].Length);
        Assert.Equal("these embeddings were read before the next file, which has their memory now", failure.Message);
        Assert.Equal(Tables.Show(written[1]), Tables.Show(read[1]));
    }

    [Fact]
    public void Read_WithSpentRows_AllocatesNoneForTheValues()
    {
        SubmissionFile.Write(At("e.json"), Large(), EmbeddingRounding.Half);
        var spent = SubmissionFile.Read(At("e.json"), threads: 1).Values;

        long before = GC.GetAllocatedBytesForCurrentThread();
        SubmissionFile.Read(At("e.json"), threads: 1, spent: spent);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.InRange(allocated, 0, Rows * Width * sizeof(double) / 2);
    }

    private static void AssertSameFailure(string path, params string[] complaints)
    {
        string[] messages = [.. Threads.Select(threads => Assert.Throws<DataException>(() => SubmissionFile.Read(path, threads)).Message)];
        Assert.All(complaints, complaint => Assert.Contains(complaint, messages[0], StringComparison.Ordinal));
        Assert.Equal(messages[0], messages[1]);
        Assert.Equal(messages[0], messages[2]);
    }

    private static EmbeddingTable Large() => Numbers(Rows, Width, seed: 5);

    private static EmbeddingTable Numbers(int rows, int width, int seed)
    {
        var random = new Random(seed);
        return Tables.Of([.. Enumerable.Range(1000, rows).Select(id => (
            id.ToString(CultureInfo.InvariantCulture), Enumerable.Range(0, width).Select(_ => random.NextDouble() - 0.5).ToArray()))]);
    }

    private static string Json(EmbeddingTable table, string comma, string colon) =>
        $"{{{string.Join(comma, table.Ids.Select((id, row) => $"\"{id}\"{colon}[{string.Join(',', table[row].ToArray().Select(static value => value.ToString("R", CultureInfo.InvariantCulture)))}]"))}}}";

    private static MemoryStream Bytes(string text) => new(Encoding.UTF8.GetBytes(text));

    /// <summary>A file in memory that remembers where it was flushed.</summary>
    private sealed class WriteLog : MemoryStream
    {
        public List<int> FlushedAt { get; } = [];

        public override void Flush() => FlushedAt.Add((int)Position);
    }
}
