using System.Globalization;
using System.Text;
using VideoSim.Engine;
using Xunit;

namespace VideoSim.Models.Tests.Exports;

public sealed class PgVectorExportTests : IDisposable
{
    private readonly ExportFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Write_Embeddings_IsAScriptOfATableItsRowsAndItsIndex()
    {
        string file = _folder.Export("pgvector", [("1", [0.5, -2]), ("b", [1e-45, 3.4028234663852886e38])], new Dictionary<string, string> { ["b"] = "it's" }, ExportFolder.Mix);
        Assert.Equal($$"""
            \set ON_ERROR_STOP on
            SET client_encoding = 'UTF8';
            BEGIN;
            CREATE EXTENSION IF NOT EXISTS vector;
            CREATE TABLE videos (id text PRIMARY KEY, title text, embedding vector(2) NOT NULL);
            COMMENT ON TABLE videos IS '{"model":"mix","fold":3,"checkpoint":"{{new string('a', 64)}}","precision":"float32"}';
            COPY videos (id, title, embedding) FROM stdin;
            1	\N	[0.5,-2]
            b	it's	[1E-45,3.4028235E+38]
            \.
            CREATE INDEX videos_embedding ON videos USING hnsw (embedding vector_cosine_ops);
            COMMIT;

            """, File.ReadAllText(file));
    }

    [Fact]
    public void Write_ValuesOfAllSizes_ReadBackAsTheSameFloat32()
    {
        var rows = ExportFolder.ManyRows();
        var read = Copied(_folder.Export("pgvector", rows));
        Assert.Equal(rows.Select(static row => row.Id), read.Select(static row => row[0]));
        Assert.All(rows.Zip(read), static pair => Assert.Equal(pair.First.Values.Select(static value => BitConverter.SingleToInt32Bits((float)value)),
            pair.Second[2]![1..^1].Split(',').Select(static value => BitConverter.SingleToInt32Bits(float.Parse(value, CultureInfo.InvariantCulture)))));
    }

    [Fact]
    public void Write_TextsWithCharactersOfCopy_ReadBack()
    {
        string[] ids = ExportFolder.HardIds;
        var titles = ids.Index().Where(static id => id.Index % 3 != 0).ToDictionary(static id => id.Item, static id => id.Index % 3 == 1 ? "" : $"title of {id.Item}");
        var read = Copied(_folder.Export("pgvector", [.. ids.Select(static id => (id, new[] { 1.0 }))], titles));
        Assert.Equal(ids.Select(id => (id, titles.GetValueOrDefault(id))), read.Select(static row => (row[0]!, row[1])));
    }

    [Fact]
    public void Write_WhatPostgreSqlCannotStore_IsRefusedBeforeTheRows()
    {
        File.WriteAllText(_folder.At("e.pgvector"), "old");
        Refuse("id 'a\\u0000b' has a NUL, which PostgreSQL cannot store", "a\0b", null);
        Refuse("the title of id 'a' has a NUL, which PostgreSQL cannot store", "a", "b\0");
        Refuse("has 2693 bytes; PostgreSQL takes at most 2692 in a primary key", new string('海', 897) + "ab", null);
        _folder.Export("pgvector", [(new string('海', 897) + "a", [1])]);

        void Refuse(string complaint, string id, string? title)
        {
            string message = Assert.Throws<DataException>(() => _folder.Export("pgvector", [("x", [1]), (id, [1])], title is null ? null : new Dictionary<string, string> { [id] = title })).Message;
            Assert.StartsWith($"{_folder.At("e.zip")}: ", message, StringComparison.Ordinal);
            Assert.EndsWith(complaint, message, StringComparison.Ordinal);
            Assert.Equal("old", File.ReadAllText(_folder.At("e.pgvector")));
        }
    }

    // The rows between COPY and \. as PostgreSQL's manual describes them: null is \N.
    private static List<string?[]> Copied(string file)
    {
        string[] lines = File.ReadAllText(file, new UTF8Encoding(false, throwOnInvalidBytes: true)).Split('\n');
        var rows = lines.SkipWhile(static line => !line.StartsWith("COPY ", StringComparison.Ordinal)).Skip(1).TakeWhile(static line => line != "\\.").ToList();
        Assert.Equal("CREATE INDEX videos_embedding ON videos USING hnsw (embedding vector_cosine_ops);", lines[^3]);
        Assert.All(rows, static row => Assert.DoesNotContain('\r', row)); // PostgreSQL refuses one
        return [.. rows.Select(static row => row.Split('\t').Select(Unescape).ToArray())];
    }

    private static string? Unescape(string value)
    {
        if (value == "\\N")
            return null;
        var text = new StringBuilder();
        for (int i = 0; i < value.Length; i++)
            text.Append(value[i] != '\\' ? value[i] : value[++i] switch { 't' => '\t', 'n' => '\n', 'r' => '\r', '\\' => '\\', var other => throw new FormatException($"\\{other}") });
        return text.ToString();
    }
}
