using VideoSim.Fuzz.Mutation;
using VideoSim.Import.Parquet;
using VideoSim.Models.Exports;
using VideoSim.Models.Progress;
using VideoSim.Models.Submissions;

namespace VideoSim.Fuzz.Formats;

/// <summary>Embeddings in Parquet: changed pages, or changed metadata with their right length.</summary>
internal sealed class ParquetEmbeddingsFormat() : Format("parquet-embeddings", "e.parquet", "ParquetEmbeddings on Parquet.Net: --embeddings, ensemble, search")
{
    private static readonly EmbeddingOrigin Origin = new("mix", new string('a', 64), EmbeddingRounding.Half, Fold: 3);

    // The library reads whole pages and unpacks them.
    public override long FreeBytes => 1 << 28;

    public override IEnumerable<byte[]> Seeds() => [Write(null, null), Write(Origin, new() { ["id 3"] = "three" })];

    public override byte[] Mutate(Mutator mutator, byte[] input) => ParquetBytes.Mutate(mutator, input);

    public override void Read(string path, byte[] input)
    {
        var parquet = new ParquetEmbeddings();
        var table = SubmissionFile.Read(path, threads: 1, parquet);
        Expect.Equal(table.Origin, SubmissionFile.OriginOf(path, parquet), "origin");
        SubmissionOracle.Same(table.Ids, [.. Enumerable.Range(0, table.Ids.Count).Select(row => table[row].ToArray())], table);
    }

    private static byte[] Write(EmbeddingOrigin? origin, Dictionary<string, string>? titles)
    {
        var temporary = Directory.CreateTempSubdirectory("videosim-fuzz-");
        try
        {
            string embeddings = Path.Combine(temporary.FullName, "e.zip");
            var builder = new EmbeddingTableBuilder(embeddings);
            for (int row = 0; row < 20; row++)
                builder.Add($"id {row}", [row, -0.5, 1 / (row + 1.0)]);
            SubmissionFile.Write(embeddings, builder.Build(origin), EmbeddingRounding.Half);
            using var source = EmbeddingSource.Open(embeddings);
            using var stream = new MemoryStream();
            ParquetEmbeddingsWriter.Write(stream, new ExportedEmbeddings(source, titles), IProgressSink.None, CancellationToken.None);
            return stream.ToArray();
        }
        finally
        {
            temporary.Delete(recursive: true);
        }
    }
}
