namespace VideoSim.Models.Records;

/// <summary>
/// A list that grows by whole chunks: unlike one that doubles, it never holds its content twice, and wastes at most a chunk.
/// </summary>
internal sealed class ChunkedList<T>
{
    private const int ChunkLength = 4096;

    private readonly List<T[]> _chunks = [];

    public int Count { get; private set; }

    public T this[int i] => i < Count ? _chunks[i / ChunkLength][i % ChunkLength] : throw new ArgumentOutOfRangeException(nameof(i));

    public void Add(T item)
    {
        if (Count % ChunkLength == 0)
            _chunks.Add(new T[ChunkLength]);

        _chunks[^1][Count % ChunkLength] = item;
        Count++;
    }
}
