namespace VideoSim.Engine.Memory;

/// <summary>
/// Places of a step's allocations in one block of memory. Allocations whose lifetimes do not overlap may share bytes.
/// The largest allocation is placed first, then the next smaller one. Each gets the lowest offset that is free during
/// its lifetime ("greedy by size" of Pisarchyk and Lee, Efficient Memory Management for Deep Neural Net Inference,
/// 2020).
/// </summary>
internal sealed class ArenaLayout
{
    private readonly Lifetime[] _lives;
    private readonly long[] _offsets;

    /// <summary>Places allocations.</summary>
    /// <param name="lives">Their lifetimes, in the order in which the step allocates them.</param>
    public ArenaLayout(Lifetime[] lives)
    {
        (_lives, _offsets, Floor) = (lives, new long[lives.Length], Lifetime.MostBytesAtOnce(lives));
        var placed = new List<int>(lives.Length); // by offset
        foreach (int next in Enumerable.Range(0, lives.Length).OrderByDescending(i => lives[i].Bytes)) // a stable sort
        {
            long offset = 0;
            foreach (int other in placed.Where(other => lives[other].Overlaps(lives[next])))
            {
                if (offset + lives[next].Bytes <= _offsets[other])
                    break;
                offset = Math.Max(offset, _offsets[other] + lives[other].Bytes);
            }
            _offsets[next] = offset;
            int position = placed.FindIndex(other => _offsets[other] > offset);
            placed.Insert(position < 0 ? placed.Count : position, next);
            Bytes = Math.Max(Bytes, offset + lives[next].Bytes);
        }
    }

    /// <summary>Size of the block.</summary>
    public long Bytes { get; }

    /// <summary>The most bytes that live at the same time. No layout is smaller.</summary>
    public long Floor { get; }

    /// <summary>The offset of an allocation in the block.</summary>
    /// <param name="number">Its number, in order of allocation.</param>
    /// <param name="bytes">Its size.</param>
    /// <exception cref="InvalidOperationException">
    /// There is no such allocation, or it has another size: the step is not the one that was counted.
    /// </exception>
    public long OffsetOf(int number, long bytes) => number < _lives.Length && _lives[number].Bytes == bytes ? _offsets[number]
        : throw new InvalidOperationException($"the model's code allocates other tensors when it is recorded than when it was counted: {bytes} bytes at allocation {number}");
}
