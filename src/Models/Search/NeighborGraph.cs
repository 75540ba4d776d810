using VideoSim.Engine;
using VideoSim.Models.Progress;

namespace VideoSim.Models.Search;

/// <summary>
/// A graph over the rows of an index (HNSW). It finds rows near a vector without comparing all of them, so it can miss
/// some. It rounds vectors. Rows that are equal then are one node, which has the number of the first of them: searches
/// would not get past many nodes at one place.
/// </summary>
public interface INeighborGraph : IDisposable
{
    /// <summary>
    /// Finds nodes near a vector; any number of threads may call it at the same time. The same vector gives the same
    /// nodes.
    /// </summary>
    /// <param name="vector">The vector [width].</param>
    /// <param name="nodes">
    /// Receives the rows of nodes, each once, the nearest first as far as the graph can tell. Its length is the number
    /// of nodes to find.
    /// </param>
    /// <returns>The number of nodes found.</returns>
    int Find(ReadOnlySpan<double> vector, Span<int> nodes);

    /// <summary>The other rows of a node, in order.</summary>
    /// <param name="node">A row that <see cref="Find"/> gave.</param>
    ReadOnlySpan<int> OthersOf(int node);
}

/// <summary>How a graph is built.</summary>
/// <param name="Connectivity">Neighbors of a node in each upper level, at most; twice as many in the lowest.</param>
/// <param name="Expansion">Nodes of which the neighbors of a new one are chosen.</param>
public sealed record GraphParameters(int Connectivity, int Expansion);

/// <summary>Reads rows, see <see cref="Submissions.EmbeddingSource.Read"/>.</summary>
/// <param name="first">The first row.</param>
/// <param name="rows">Receives a whole number of rows.</param>
public delegate void RowReader(int first, Span<double> rows);

/// <summary>
/// Builds and opens graphs. Models has no such library: a program hands one in, or can use exact indexes only.
/// </summary>
public interface INeighborGraphLibrary
{
    /// <summary>How it builds graphs.</summary>
    GraphParameters Parameters { get; }

    /// <summary>
    /// Builds a graph of rows in their order, with one thread. The same rows give the same bytes.
    /// </summary>
    /// <param name="rows">Number of rows.</param>
    /// <param name="width">Values of a row.</param>
    /// <param name="read">Reads rows, all finite.</param>
    /// <param name="stream">Receives the graph.</param>
    /// <param name="progress">Receives the progress in rows.</param>
    /// <param name="cancellation">Stops the work.</param>
    /// <exception cref="DataException">A row cannot be read, or the graph does not fit into memory.</exception>
    void Build(int rows, int width, RowReader read, Stream stream, IProgressSink progress, CancellationToken cancellation);

    /// <summary>Opens a graph. Its bytes may be hostile: somebody can have made their hash anew.</summary>
    /// <param name="file">The bytes. The graph disposes them; after a failure the caller does.</param>
    /// <param name="parameters">How the graph was built.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="width">Values of a row.</param>
    /// <exception cref="DataException">The bytes are not such a graph; the message names the file.</exception>
    INeighborGraph Open(FileMemory file, GraphParameters parameters, int rows, int width);
}
