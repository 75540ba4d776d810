using System.Buffers;
using VideoSim.Kernels.Common;
using VideoSim.Models.Search;

namespace VideoSim.Search.USearch;

/// <summary>A graph in memory that was read from its file and checked.</summary>
/// <param name="index">The index of the library.</param>
/// <param name="file">The bytes that it uses.</param>
/// <param name="others">The other rows of the nodes that have some.</param>
/// <param name="paddedWidth">Values of a vector.</param>
/// <param name="threads">Threads that may call the library at the same time.</param>
internal sealed unsafe class USearchGraph(IndexHandle index, FileMemory file, IReadOnlyDictionary<int, int[]> others, int paddedWidth, int threads) : INeighborGraph
{
    // More callers than that would share an object of the library.
    private readonly SemaphoreSlim _turns = new(threads);

    /// <inheritdoc/>
    public int Find(ReadOnlySpan<double> vector, Span<int> nodes)
    {
        Span<BFloat16> unit = stackalloc BFloat16[paddedWidth];
        UnitRows.Write(vector, unit);
        ulong[] keys = ArrayPool<ulong>.Shared.Rent(nodes.Length);
        float[] distances = ArrayPool<float>.Shared.Rent(nodes.Length);
        _turns.Wait();
        try
        {
            nint error = 0;
            int found;
            fixed (BFloat16* query = unit)
            fixed (ulong* key = keys)
            fixed (float* distance = distances)
                found = (int)Native.Search(index, query, Native.OfBFloat16, (nuint)nodes.Length, key, distance, ref error);
            Native.Check(error, file.Path);
            for (int i = 0; i < found; i++)
                nodes[i] = (int)keys[i];
            return found;
        }
        finally
        {
            _turns.Release();
            ArrayPool<ulong>.Shared.Return(keys);
            ArrayPool<float>.Shared.Return(distances);
        }
    }

    /// <inheritdoc/>
    public ReadOnlySpan<int> OthersOf(int node) => others.GetValueOrDefault(node);

    /// <inheritdoc/>
    public void Dispose()
    {
        index.Dispose();
        file.Dispose();
        _turns.Dispose();
    }
}
