using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Progress;

namespace VideoSim.Models.Exports;

/// <summary>Writes embeddings into a file; the same embeddings give the same bytes.</summary>
/// <param name="stream">The file.</param>
/// <param name="source">What is exported.</param>
/// <param name="progress">Receives the progress in rows.</param>
/// <param name="cancellation">Stops the work.</param>
/// <exception cref="DataException">The embeddings cannot be read, or an id does not fit the format.</exception>
public delegate void EmbeddingWriter(Stream stream, ExportedEmbeddings source, IProgressSink progress, CancellationToken cancellation);

/// <summary>
/// Files of embeddings for other programs (docs/search-at-scale.md). Equal embeddings give equal bytes.
/// </summary>
public static class EmbeddingExport
{
    private const string Parquet = "parquet";

    private static readonly Dictionary<string, EmbeddingWriter> Writers = new()
    {
        ["pgvector"] = PgVectorExport.Write,
        ["qdrant"] = QdrantExport.Write,
        ["npz"] = NpzExport.Write,
    };

    /// <summary>Names of the formats.</summary>
    public static IReadOnlyList<string> Formats { get; } = [.. Writers.Keys, Parquet];

    /// <summary>The writer of a format. Call it before the work.</summary>
    /// <param name="format">One of <see cref="Formats"/>.</param>
    /// <param name="path">The file, for a message.</param>
    /// <param name="parquet">Writes Parquet files; null in a program without the assembly for them.</param>
    /// <exception cref="DataException">It is Parquet, in a program without it.</exception>
    public static EmbeddingWriter WriterOf(string format, string path, EmbeddingWriter? parquet) =>
        format != Parquet ? Writers[format] : parquet ?? throw new DataException($"{path}: this program is built without the writer of Parquet files");

    /// <summary>Writes a file.</summary>
    /// <param name="path">The file; replaced only when the new one is complete.</param>
    /// <param name="writer">That of the format.</param>
    /// <param name="source">What is exported.</param>
    /// <param name="progress">Receives the progress in rows.</param>
    /// <param name="cancellation">Stops the work.</param>
    /// <exception cref="DataException">
    /// The embeddings cannot be read, an id does not fit the format, or the file cannot be written.
    /// </exception>
    public static void Write(string path, EmbeddingWriter writer, ExportedEmbeddings source, IProgressSink progress, CancellationToken cancellation) =>
        AtomicFile.Write(path, stream => writer(stream, source, progress, cancellation));
}
