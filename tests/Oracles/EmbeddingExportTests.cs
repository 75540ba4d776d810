using System.Text.Json;
using Google.Protobuf;
using ParquetSharp;
using Qdrant.Client.Grpc;
using VideoSim.Engine;
using VideoSim.Import.Parquet;
using VideoSim.Models.Exports;
using VideoSim.Models.Progress;
using VideoSim.Models.Submissions;
using Xunit;

namespace VideoSim.Oracles.Tests;

/// <summary>Other programs read exported embeddings, and we read theirs.</summary>
public sealed class EmbeddingExportTests : IDisposable
{
    // A trait of the tests that only .ci/run full runs.
    private const string Length = "length", Long = "long";

    private const int Rows = 20_000, Width = 3; // two row groups of Parquet

    private static readonly EmbeddingOrigin Origin = new("mix", new string('a', 64), EmbeddingRounding.Single, Fold: 3);

    private static readonly ParquetEmbeddings Parquet = new();

    private static readonly string[] HardIds = ["7", "007", "18446744073709551615", "18446744073709551616", "-1", "a\tb\r\n", "\\N", "\"'", "海😀", " "];

    private readonly string _folder = Directory.CreateTempSubdirectory("videosim-test-").FullName;

    private readonly string[] _ids = [.. HardIds, .. Enumerable.Range(HardIds.Length, Rows - HardIds.Length).Select(static row => $"video {row}")];

    private readonly float[] _values = Values();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static Dictionary<string, string> Titles => new() { ["007"] = "agent 海😀", ["video 19999"] = "last" };

    [Fact]
    public void Parquet_ReadByParquetSharp_HasTheSameRows()
    {
        using var reader = new ParquetFileReader(Export("parquet"));
        Assert.Equal(2, reader.FileMetaData.NumRowGroups);
        Assert.Equal(Origin.ToJson().ToJsonString(), reader.FileMetaData.KeyValueMetadata["videosim.origin"]);
        var (ids, titles, values) = (new List<string>(), new List<string?>(), new List<float>());
        for (int i = 0; i < reader.FileMetaData.NumRowGroups; i++)
        {
            using var group = reader.RowGroup(i);
            int rows = (int)group.MetaData.NumRows;
            ids.AddRange(group.Column(0).LogicalReader<string>().ReadAll(rows));
            titles.AddRange(group.Column(1).LogicalReader<string?>().ReadAll(rows));
            foreach (float[] embedding in group.Column(2).LogicalReader<float[]>().ReadAll(rows))
                values.AddRange(embedding);
        }
        Assert.Equal(_ids, ids);
        Assert.Equal(_ids.Select(static id => Titles.GetValueOrDefault(id)), titles);
        Assert.Equal(Bits(_values), Bits(values));
    }

    // Another library's file, with its defaults: lists of float64, ids that may be null.
    [Fact]
    public void Parquet_WrittenByParquetSharp_IsRead()
    {
        string file = Path.Combine(_folder, "theirs.parquet");
        using (var writer = new ParquetFileWriter(file, [new Column<string>("id"), new Column<double[]>("embedding")], keyValueMetadata: new Dictionary<string, string> { ["videosim.origin"] = Origin.ToJson().ToJsonString() }))
        {
            using var group = writer.AppendRowGroup();
            using (var ids = group.NextColumn().LogicalWriter<string>())
                ids.WriteBatch(["a", "海"]);
            using (var embeddings = group.NextColumn().LogicalWriter<double[]>())
                embeddings.WriteBatch([[0.1, 2], [3, -4]]);
            writer.Close();
        }
        var table = SubmissionFile.Read(file, Parquet);
        Assert.Equal(["a", "海"], table.Ids);
        Assert.Equal([0.1, 2, 3, -4], [.. table[0], .. table[1]]);
        Assert.Equal(Origin, table.Origin);
    }

    // The client sends points as messages of protocol buffers.
    [Fact]
    public void Qdrant_EveryLineAsAPointOfItsClient_HasTheSameRow()
    {
        int row = 0;
        foreach (string line in File.ReadLines(Export("qdrant")))
        {
            var json = JsonDocument.Parse(line).RootElement;
            Assert.Equal(["id", "vector", "payload"], json.EnumerateObject().Select(static property => property.Name));
            var id = json.GetProperty("id");
            var point = new PointStruct { Id = id.ValueKind == JsonValueKind.Number ? id.GetUInt64() : id.GetGuid(), Vectors = json.GetProperty("vector").EnumerateArray().Select(static value => value.GetSingle()).ToArray() };
            foreach (var property in json.GetProperty("payload").EnumerateObject())
                point.Payload.Add(property.Name, property.Value.GetString()!);

            var sent = PointStruct.Parser.ParseFrom(point.ToByteArray());
            bool isNumber = ulong.TryParse(_ids[row], System.Globalization.NumberStyles.None, null, out ulong number) && $"{number}" == _ids[row];
            Assert.Equal(isNumber, sent.Id.HasNum);
            Assert.Equal(isNumber ? number : 0, sent.Id.Num);
            Assert.Equal(isNumber ? "" : id.GetString(), sent.Id.Uuid);
            Assert.Equal(Bits(_values[(row * Width)..((row + 1) * Width)]), Bits(sent.Vectors.Vector.Dense.Data));
            Assert.Equal(_ids[row], sent.Payload["id"].StringValue);
            Assert.Equal(Titles.GetValueOrDefault(_ids[row]), sent.Payload.TryGetValue("title", out var title) ? title.StringValue : null);
            row++;
        }
        Assert.Equal(Rows, row);
    }

    // Needs Debian's python3-numpy.
    [Fact]
    [Trait(Length, Long)]
    public void Npz_ReadByNumPy_HasTheSameRows()
    {
        var read = JsonDocument.Parse(DebianPython.Run("check_npz.py", "read", Export("npz"))).RootElement;
        Assert.Equal(_ids, read.GetProperty("ids").EnumerateArray().Select(static id => id.GetString()));
        Assert.Equal(_ids.Select(static id => Titles.GetValueOrDefault(id, "")), read.GetProperty("titles").EnumerateArray().Select(static title => title.GetString()));
        Assert.Equal(Origin.ToJson().ToJsonString(), read.GetProperty("origin").GetString());
        Assert.Equal(Width, read.GetProperty("width").GetInt32());
        Assert.Equal(Bits(_values), read.GetProperty("bits").EnumerateArray().Select(static bits => bits.GetInt32()));
    }

    [Fact]
    [Trait(Length, Long)]
    public void Npz_WrittenByNumPy_IsRead()
    {
        var written = JsonDocument.Parse(DebianPython.Run("check_npz.py", "write", _folder)).RootElement;
        double[] values = [.. written.GetProperty("values").EnumerateArray().Select(static value => value.GetDouble())];
        foreach (string name in new[] { "plain", "compressed", "origin" })
        {
            using var source = EmbeddingSource.Open(Path.Combine(_folder, $"{name}.npz"));
            double[] read = new double[source.Ids.Count * source.Width];
            source.Read(0, read);
            Assert.Equal(written.GetProperty("ids").EnumerateArray().Select(static id => id.GetString()), source.Ids);
            Assert.Equal(values, read);
            Assert.Equal(name == "origin" ? Origin : null, source.Origin);
        }
        string objects = Path.Combine(_folder, "objects.npz");
        Assert.Equal($"{objects}: ids.npy: has objects of Python, which are not read; ids.astype(str) makes texts of them", Assert.Throws<DataException>(() => EmbeddingSource.Open(objects)).Message);
    }

    private string Export(string format)
    {
        string embeddings = Path.Combine(_folder, "e.zip"), file = Path.Combine(_folder, $"e.{format}");
        var builder = new EmbeddingTableBuilder(embeddings);
        for (int row = 0; row < Rows; row++)
            builder.Add(_ids[row], _values.AsSpan(row * Width, Width));
        SubmissionFile.Write(embeddings, builder.Build(Origin), EmbeddingRounding.Single);
        using var source = EmbeddingSource.Open(embeddings);
        EmbeddingExport.Write(file, EmbeddingExport.WriterOf(format, file, ParquetEmbeddingsWriter.Write), new ExportedEmbeddings(source, Titles), IProgressSink.None, CancellationToken.None);
        return file;
    }

    private static IEnumerable<int> Bits(IEnumerable<float> values) => values.Select(BitConverter.SingleToInt32Bits);

    // Finite numbers of all sizes.
    private static float[] Values()
    {
        var random = new Random(1);
        float[] values = new float[Rows * Width];
        for (int i = 0; i < values.Length;)
        {
            values[i] = BitConverter.Int32BitsToSingle(random.Next(int.MinValue, int.MaxValue));
            i += float.IsFinite(values[i]) ? 1 : 0;
        }
        return values;
    }
}
