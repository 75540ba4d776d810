using VideoSim.Engine;

namespace VideoSim.Models.Submissions;

/// <summary>
/// The memory that the embeddings of a file may take: 256 MiB, and eight times the size of the file. Embeddings of a
/// model take about as much as the file, also if it is deflated: 256 values of float16 are 1.2 KB in a zip and 2 KB in
/// memory. A file that is made for it unpacks to a thousand times its size.
/// </summary>
/// <param name="path">The file, for messages.</param>
/// <param name="fileBytes">Size of the file.</param>
internal sealed class EmbeddingMemory(string path, long fileBytes)
{
    private const long Free = 1 << 28, TimesFile = 8;

    // A string, and its places in a list and a table of hash values. These double when they grow.
    private const int IdBytes = 128;

    private readonly long _allowed = Free + (TimesFile * fileBytes), _available = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

    private long _taken;

    /// <summary>Whether the embeddings were refused.</summary>
    public bool IsExceeded => _taken > Math.Min(_allowed, _available);

    /// <summary>Counts an embedding.</summary>
    /// <param name="id">Its id; null if it was counted before.</param>
    /// <param name="width">Number of its values.</param>
    /// <exception cref="DataException">The embeddings take too much memory.</exception>
    public void Take(string? id, int width) => Take((sizeof(double) * (long)width) + (id is null ? 0 : IdBytes + (sizeof(char) * (long)id.Length)));

    /// <summary>Counts bytes.</summary>
    /// <exception cref="DataException">The embeddings take too much memory.</exception>
    public void Take(long bytes)
    {
        _taken += bytes;
        if (IsExceeded)
        {
            throw new DataException(_allowed < _available ? $"{path}: its embeddings would take more than {_allowed} bytes of memory, too much for a file of {fileBytes} bytes: a zip bomb?"
                : $"{path}: its embeddings would take more than the {_available} bytes of memory that this process may have");
        }
    }
}
