using Parquet;
using Parquet.Schema;
using VideoSim.Models.Exports;
using VideoSim.Models.Progress;

namespace VideoSim.Import.Parquet;

/// <summary>Writes embeddings as <see cref="ParquetEmbeddings"/> reads them.</summary>
public static class ParquetEmbeddingsWriter
{
    // 16 MB of values at 256 each, and twice as much for their levels.
    private const int RowsOfAGroup = 1 << 14;

    /// <summary>An <see cref="EmbeddingWriter"/>.</summary>
    public static void Write(Stream stream, ExportedEmbeddings source, IProgressSink progress, CancellationToken cancellation) => WriteAsync(stream, source, progress, cancellation).GetAwaiter().GetResult();

    private static async Task WriteAsync(Stream stream, ExportedEmbeddings source, IProgressSink progress, CancellationToken cancellation)
    {
        var (id, title) = (new DataField<string>(ParquetEmbeddings.Id, false), new DataField<string>(ParquetEmbeddings.Title, true));
        var list = new ListField(ParquetEmbeddings.Embedding, new DataField<float>(ListField.ElementName, false));
        var schema = source.Titles is null ? new ParquetSchema(id, list) : new ParquetSchema(id, title, list);
        await using var writer = await ParquetWriter.CreateAsync(schema, stream, new ParquetOptions { CompressionMethod = CompressionMethod.Snappy }, cancellationToken: cancellation);
        if (source.Origin is { } origin)
            writer.CustomMetadata = new Dictionary<string, string> { [ParquetEmbeddings.OriginKey] = origin.ToJson().ToJsonString() };
        foreach (var rows in source.Rows(progress, cancellation).Select(static row => row with { Values = [.. row.Values] }).Chunk(RowsOfAGroup))
        {
            using var group = writer.CreateRowGroup();
            await group.WriteAsync(id, Array.ConvertAll(rows, static row => row.Id));
            if (source.Titles is not null)
                await group.WriteAsync(title, Array.ConvertAll(rows, static row => row.Title));
            await WriteListsAsync(group, (DataField)list.Item, rows, source.Embeddings.Width, cancellation);
        }
    }

    // Every row has a list, and every value is there. A repetition level of 0 begins a list.
    private static async Task WriteListsAsync(ParquetRowGroupWriter group, DataField field, ExportedRow[] rows, int width, CancellationToken cancellation)
    {
        float[] values = new float[rows.Length * width];
        int[] definitions = new int[values.Length], repetitions = new int[values.Length];
        Array.Fill(definitions, field.MaxDefinitionLevel);
        Array.Fill(repetitions, 1);
        for (int row = 0; row < rows.Length; row++)
        {
            rows[row].Values.CopyTo(values, row * width);
            repetitions[row * width] = 0;
        }
        await group.WriteAllPartsAsync<float>(field, values, definitions, repetitions, cancellation);
    }
}
