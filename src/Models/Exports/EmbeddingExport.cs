using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Progress;

namespace VideoSim.Models.Exports;

/// <summary>Files of embeddings for other programs. Equal embeddings give equal bytes.</summary>
public static class EmbeddingExport
{
    private static readonly Dictionary<string, Action<Stream, ExportedEmbeddings, IProgressSink, CancellationToken>> Writers = new()
    {
        ["pgvector"] = PgVectorExport.Write,
        ["qdrant"] = QdrantExport.Write,
        ["npz"] = NpzExport.Write,
    };

    /// <summary>Names of the formats.</summary>
    public static IReadOnlyList<string> Formats { get; } = [.. Writers.Keys];

    /// <summary>Writes a file.</summary>
    /// <param name="format">One of <see cref="Formats"/>.</param>
    /// <param name="path">The file; replaced only when the new one is complete.</param>
    /// <param name="source">What is exported.</param>
    /// <param name="progress">Receives the progress in rows.</param>
    /// <param name="cancellation">Stops the work.</param>
    /// <exception cref="DataException">
    /// The embeddings cannot be read, an id does not fit the format, or the file cannot be written.
    /// </exception>
    public static void Write(string format, string path, ExportedEmbeddings source, IProgressSink progress, CancellationToken cancellation) =>
        AtomicFile.Write(path, stream => Writers[format](stream, source, progress, cancellation));
}
