using VideoSim.Models.Progress;
using VideoSim.Models.Submissions;

namespace VideoSim.Models.Exports;

/// <summary>A row of embeddings for another program.</summary>
/// <param name="Id">Id of the video.</param>
/// <param name="Title">Its title; null if it is not known.</param>
/// <param name="Values">Its embedding in float32 [Width]; the next row uses the same memory.</param>
public readonly record struct ExportedRow(string Id, string? Title, float[] Values);

/// <summary>What is exported: embeddings, and titles as far as they are known.</summary>
/// <param name="Embeddings">The embeddings.</param>
/// <param name="Titles">Titles by id; null if there are none.</param>
public sealed record ExportedEmbeddings(EmbeddingSource Embeddings, IReadOnlyDictionary<string, string>? Titles)
{
    private const int RowsAtATime = 256;

    /// <summary>What computed the embeddings; null if it is not known. Values of float64 become float32.</summary>
    public EmbeddingOrigin? Origin => Embeddings.Origin is { Precision: EmbeddingRounding.Double } origin ? origin with { Precision = EmbeddingRounding.Single } : Embeddings.Origin;

    /// <summary>Reads row after row, and shows the progress.</summary>
    /// <param name="progress">Receives the progress in rows.</param>
    /// <param name="cancellation">Stops the reading.</param>
    /// <exception cref="Engine.DataException">The embeddings cannot be read.</exception>
    public IEnumerable<ExportedRow> Rows(IProgressSink progress, CancellationToken cancellation)
    {
        int width = Embeddings.Width, count = Embeddings.Ids.Count;
        double[] block = new double[RowsAtATime * width];
        float[] values = new float[width];
        progress.Begin("exporting", count);
        for (int first = 0; first < count; first += RowsAtATime)
        {
            cancellation.ThrowIfCancellationRequested();
            int some = Math.Min(RowsAtATime, count - first);
            Embeddings.Read(first, block.AsSpan(0, some * width));
            for (int row = 0; row < some; row++)
            {
                for (int i = 0; i < width; i++)
                    values[i] = (float)block[(row * width) + i];
                string id = Embeddings.Ids[first + row];
                yield return new ExportedRow(id, Titles?.GetValueOrDefault(id), values);
            }
            progress.Report(first + some, "");
        }
        progress.End("");
    }
}
