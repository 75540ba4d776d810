using VideoSim.Engine;

namespace VideoSim.Models.Submissions;

/// <summary>
/// Reads embeddings in Parquet files. The code is in an assembly of its own, because it needs a library. A program
/// without that assembly has none of these.
/// </summary>
public interface IParquetEmbeddings
{
    /// <summary>Reads embeddings.</summary>
    /// <param name="path">The file.</param>
    /// <param name="add">Receives each id with its values, in order.</param>
    /// <returns>What computed the embeddings; null if the file does not tell.</returns>
    /// <exception cref="DataException">The file cannot be read or is invalid; the message names it.</exception>
    EmbeddingOrigin? Read(string path, Action<string, ReadOnlySpan<double>> add);

    /// <summary>What computed the embeddings of a file; null if the file does not tell.</summary>
    /// <inheritdoc cref="Read"/>
    EmbeddingOrigin? OriginOf(string path);
}
