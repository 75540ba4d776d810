using Parquet;
using Parquet.Schema;
using VideoSim.Engine;
using VideoSim.Import.Parquet;
using VideoSim.Models.Exports;
using VideoSim.Models.Submissions;
using Xunit;

namespace VideoSim.Models.Tests.Exports;

/// <summary>Embeddings in Parquet. Another library reads our files in tests/Oracles.</summary>
public sealed class ParquetEmbeddingsTests : IDisposable
{
    private static readonly ParquetEmbeddings Parquet = new();

    private readonly ExportFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    // Two row groups.
    [Fact]
    public void Read_WhatExportWrites_IsTheSameWithItsOrigin()
    {
        var rows = ExportFolder.ManyRows(17_000, width: 2);
        string file = _folder.Export("parquet", rows, new Dictionary<string, string> { ["video 1"] = "a title" }, ExportFolder.Mix);
        var origin = ExportFolder.Mix with { Precision = EmbeddingRounding.Single };
        var table = SubmissionFile.Read(file, Parquet);
        Assert.Equal((file, origin, origin), (table.Source, table.Origin, SubmissionFile.OriginOf(file, Parquet)));
        string[] expected = Submissions.Tables.Show(Submissions.Tables.Of([.. rows.Select(static row => (row.Id, Array.ConvertAll(row.Values, static value => (double)(float)value)))]));
        Assert.Equal(expected, Submissions.Tables.Show(table));
        using var source = EmbeddingSource.OpenVectors(file, Parquet, out bool hasIds);
        Assert.Equal((file, 2, origin, true), (source.Source, source.Width, source.Origin, hasIds));
        Assert.Equal(expected, Submissions.Tables.Show(Assert.Single(SubmissionFile.ReadEach([file], Parquet))));
    }

    [Fact]
    public async Task Write_Embeddings_HasColumnsOfIdsTitlesAndLists()
    {
        await using var reader = await ParquetReader.CreateAsync(_folder.Export("parquet", ExportFolder.ManyRows(17_000, width: 2), new Dictionary<string, string> { ["video 1"] = "" }, ExportFolder.Mix), cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(["id", "title", "embedding"], reader.Schema.Fields.Select(static field => field.Name));
        Assert.Equal([("id", typeof(ReadOnlyMemory<char>), false), ("title", typeof(ReadOnlyMemory<char>), true), ("embedding/list/element", typeof(float), false)], reader.Schema.DataFields.Select(static field => (field.Path.ToString(), field.ClrType, field.IsNullable)));
        Assert.Equal(2, reader.RowGroupCount);
        Assert.Equal([("videosim.origin", (ExportFolder.Mix with { Precision = EmbeddingRounding.Single }).ToJson().ToJsonString())], reader.CustomMetadata.Select(static text => (text.Key, text.Value)));
        await using var plain = await ParquetReader.CreateAsync(_folder.Export("parquet", [("a", [1])]), cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(["id", "embedding"], plain.Schema.Fields.Select(static field => field.Name));
        Assert.Empty(plain.CustomMetadata);
    }

    [Fact]
    public void Read_IdsOfAllKinds_AreThoseThatWereWritten()
    {
        string[] ids = [.. ExportFolder.HardIds, "a\0", "\0"];
        Assert.Equal(ids, SubmissionFile.Read(_folder.Export("parquet", [.. ids.Select(static id => (id, new[] { 1.0 }))]), Parquet).Ids);
    }

    // Numbers as ids, float64, and another column, as data frames have them.
    [Fact]
    public async Task Read_FileOfAnotherProgram_IsTaken()
    {
        var (id, list, other) = (new DataField<long>("id"), new ListField("embedding", new DataField<double>("element")), new DataField<int>("embeddings"));
        string file = await Write(new ParquetSchema(other, list, id), async group =>
        {
            await group.WriteAsync<int>(other, new[] { 7, 8 });
            await WriteLists<double>(group, list, new[] { 0.1, 2, 3, 4 }, Levels(list, 4), new[] { 0, 1, 0, 1 });
            await group.WriteAsync<long>(id, new[] { 5L, -6 });
        });
        Assert.Equal(["5: 0.1, 2", "-6: 3, 4"], Submissions.Tables.Show(SubmissionFile.Read(file, Parquet)));
        Assert.Null(SubmissionFile.OriginOf(file, Parquet));
    }

    [Fact]
    public async Task Read_WrongColumns_AreNamed()
    {
        var (id, list) = (new DataField<string>("id"), new ListField("embedding", new DataField<float?>("element")));
        Refuse(await Write(new ParquetSchema(id), async group => await group.WriteAsync(id, ["a"])), "has no column 'embedding'");
        Refuse(await Write(new ParquetSchema(list), async group => await WriteLists<float>(group, list, new[] { 1f }, Levels(list, 1), new[] { 0 })), "has no column 'id'");
        var plain = new DataField<float>("embedding");
        Refuse(await Write(new ParquetSchema(id, plain), async group =>
        {
            await group.WriteAsync(id, ["a"]);
            await group.WriteAsync<float>(plain, new[] { 1f });
        }), "the column 'embedding' has no lists of numbers");
        var numbers = new ListField("embedding", new DataField<int>("element"));
        Refuse(await Write(new ParquetSchema(id, numbers), async group =>
        {
            await group.WriteAsync(id, ["a"]);
            await WriteLists<int>(group, numbers, new[] { 1 }, Levels(numbers, 1), new[] { 0 });
        }), "the column 'embedding' has values of type Int32; expected float or double");
        var ids = new ListField("id", new DataField<long>("element"));
        Refuse(await Write(new ParquetSchema(ids, list), async group =>
        {
            await WriteLists<long>(group, ids, new[] { 1L }, Levels(ids, 1), new[] { 0 });
            await WriteLists<float>(group, list, new[] { 1f }, Levels(list, 1), new[] { 0 });
        }), "the column 'id' has lists; expected text");
        var real = new DataField<float>("id");
        Refuse(await Write(new ParquetSchema(real, list), async group =>
        {
            await group.WriteAsync<float>(real, new[] { 1f });
            await WriteLists<float>(group, list, new[] { 1f }, Levels(list, 1), new[] { 0 });
        }), "the column 'id' has values of type Single; expected text or whole numbers");
        var several = new StructField("embedding", new DataField<float>("x"));
        Refuse(await Write(new ParquetSchema(id, several), async group =>
        {
            await group.WriteAsync(id, ["a"]);
            var part = (DataField)several.Fields[0];
            await group.WriteAllPartsAsync<float>(part, new[] { 1f }, new[] { part.MaxDefinitionLevel }, null, TestContext.Current.CancellationToken);
        }), "the column 'embedding' has values of several parts");
    }

    [Theory]
    [InlineData("id 'b' has nulls in its embedding, or none", new float[] { 1, 2 }, new[] { 3, 2, 3 }, new[] { 0, 0, 1 })] // [1], [null, 2]
    [InlineData("id 'b' has nulls in its embedding, or none", new float[] { 1 }, new[] { 3, 1 }, new[] { 0, 0 })] // [1], []
    [InlineData("id 'b' has nulls in its embedding, or none", new float[] { 1 }, new[] { 3, 0 }, new[] { 0, 0 })] // [1], null
    [InlineData("id 'b' has 2 values, but the ids before it have 1", new float[] { 1, 2, 3 }, new[] { 3, 3, 3 }, new[] { 0, 0, 1 })]
    [InlineData("id 'b' has the value Infinity, which is not a finite float32", new[] { 1, float.PositiveInfinity }, new[] { 3, 3 }, new[] { 0, 0 })]
    public async Task Read_WrongList_IsNamed(string complaint, float[] values, int[] definitions, int[] repetitions)
    {
        var (id, list) = (new DataField<string>("id"), new ListField("embedding", new DataField<float?>("element")));
        Refuse(await Write(new ParquetSchema(id, list), async group =>
        {
            await group.WriteAsync(id, ["a", "b"]);
            await WriteLists<float>(group, list, values, definitions, repetitions);
        }), complaint);
    }

    [Fact]
    public async Task Read_WrongId_IsNamed()
    {
        var (id, bytes, list) = (new DataField<string>("id"), new DataField<byte[]>("id"), new ListField("embedding", new DataField<float>("element")));
        Refuse(await Write(new ParquetSchema(id, list), async group =>
        {
            await group.WriteAsync(id, new[] { "a", null });
            await WriteTwo(group);
        }), "row 2 of row group 1 has no id");
        Refuse(await Write(new ParquetSchema(bytes, list), async group =>
        {
            await group.WriteAsync(bytes, new byte[][] { [0xff], [0x61] });
            await WriteTwo(group);
        }), "row 1 of row group 1 has an id that is not valid UTF-8");
        Refuse(await Write(new ParquetSchema(id, list), async group =>
        {
            await group.WriteAsync(id, ["a", "a"]);
            await WriteTwo(group);
        }), "id 'a' occurs twice");

        Task WriteTwo(ParquetRowGroupWriter group) => WriteLists<float>(group, list, new float[] { 1, 2 }, Levels(list, 2), new int[2]);
    }

    [Fact]
    public void Read_NoFileOfParquet_IsRefused()
    {
        File.WriteAllText(_folder.At("e.parquet"), "text of more than twelve bytes");
        Refuse(_folder.At("e.parquet"), "cannot be read as a Parquet file: it does not begin and end with PAR1");
    }

    [Fact]
    public void ReadAndWrite_InAProgramWithoutTheAssembly_AreRefused()
    {
        string file = _folder.Export("parquet", [("a", [1])]);
        foreach (var read in new Action[] { () => SubmissionFile.Read(file), () => SubmissionFile.OriginOf(file), () => EmbeddingSource.Open(file) })
            Assert.Equal($"{file}: this program is built without the reader of Parquet files", Assert.Throws<DataException>(read).Message);
        Assert.Equal($"{file}: this program is built without the writer of Parquet files", Assert.Throws<DataException>(() => EmbeddingExport.WriterOf("parquet", file, null)).Message);
    }

    private static int[] Levels(ListField list, int count) => [.. Enumerable.Repeat(((DataField)list.Item).MaxDefinitionLevel, count)];

    private static void Refuse(string file, string complaint)
    {
        string message = Assert.Throws<DataException>(() => SubmissionFile.Read(file, Parquet)).Message;
        Assert.StartsWith($"{file}: ", message, StringComparison.Ordinal);
        Assert.EndsWith(complaint, message, StringComparison.Ordinal);
    }

    private static async Task WriteLists<T>(ParquetRowGroupWriter group, ListField list, T[] values, int[] definitions, int[] repetitions) where T : struct =>
        await group.WriteAllPartsAsync<T>((DataField)list.Item, values, definitions, repetitions, TestContext.Current.CancellationToken);

    private async Task<string> Write(ParquetSchema schema, Func<ParquetRowGroupWriter, Task> write)
    {
        string file = _folder.At("e.parquet");
        await using var stream = File.Create(file);
        await using var writer = await ParquetWriter.CreateAsync(schema, stream);
        using var group = writer.CreateRowGroup();
        await write(group);
        return file;
    }
}
