namespace VideoSim.Models.Records;

/// <summary>
/// A list that grows by whole chunks. Unlike a list that doubles, it never copies its content, and it wastes at most
/// one chunk.
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
