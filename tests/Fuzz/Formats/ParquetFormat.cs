using Parquet;
using Parquet.Schema;
using VideoSim.Fuzz.Mutation;
using VideoSim.Import.Parquet;

namespace VideoSim.Fuzz.Formats;

/// <summary>Tables in Parquet: changed pages, or changed metadata with their right length.</summary>
internal sealed class ParquetFormat() : Format("parquet", "videos.parquet", "ParquetTable on Parquet.Net: data import")
{
    private const int Rows = 20;

    // The library reads whole pages and unpacks them.
    public override long FreeBytes => 1 << 28;

    public override IEnumerable<byte[]> Seeds() => [Write(withLists: false, CompressionMethod.None), Write(withLists: true, CompressionMethod.None), Write(withLists: true, CompressionMethod.Snappy), Write(withLists: false, CompressionMethod.Gzip)];

    public override byte[] Mutate(Mutator mutator, byte[] input) => ParquetBytes.Mutate(mutator, input);

    public override void Read(string path, byte[] input)
    {
        var rows = TableRows.Read(new ParquetTable(path));
        TableRows.RequireGood(path, rows);
    }

    private static byte[] Write(bool withLists, CompressionMethod compression) => WriteAsync(withLists, compression).GetAwaiter().GetResult();

    private static async Task<byte[]> WriteAsync(bool withLists, CompressionMethod compression)
    {
        var (id, title, split) = (new DataField<string>("id"), new DataField<string>("title"), new DataField<string>("split"));
        var tags = new ListField("tags", new DataField<long>("element"));
        var schema = withLists ? new ParquetSchema(id, title, tags) : new ParquetSchema(id, title, split);
        using var stream = new MemoryStream();
        await using (var writer = await ParquetWriter.CreateAsync(schema, stream, new ParquetOptions { CompressionMethod = compression }))
        {
            using var group = writer.CreateRowGroup();
            await group.WriteAsync(id, Enumerable.Range(0, Rows).Select(static i => $"id {i}").ToArray());
            await group.WriteAsync(title, Enumerable.Range(0, Rows).Select(static i => $"title {i % 7}").ToArray());
            // Two tags for each video.
            if (withLists)
                await group.WriteAllPartsAsync<long>((DataField)tags.Item, Enumerable.Range(0, 2 * Rows).Select(static i => (long)i).ToArray(), Enumerable.Repeat(2, 2 * Rows).ToArray(), Enumerable.Range(0, 2 * Rows).Select(static i => i % 2).ToArray(), CancellationToken.None);
            else
                await group.WriteAsync(split, Enumerable.Repeat("train", Rows).ToArray());
        }
        return stream.ToArray();
    }
}
