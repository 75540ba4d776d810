using VideoSim.Engine.Tensors;

namespace VideoSim.Engine.Operators;

/// <summary>
/// Indices into a table and where each index occurs; all Int32. They have to lie within the table: nothing on the device checks them.
/// </summary>
/// <param name="Indices">[B, S]</param>
/// <param name="SortedPositions">Positions b*S + s, stably sorted by index [B*S].</param>
/// <param name="SegmentIndices">The distinct indices, ascending [B*S].</param>
/// <param name="SegmentStarts">Where each index's run begins in the sorted positions, and the end of the last [B*S + 1].</param>
/// <param name="SegmentCount">Number of distinct indices [1].</param>
public readonly record struct IndexBatch(Tensor Indices, Tensor SortedPositions, Tensor SegmentIndices, Tensor SegmentStarts, Tensor SegmentCount);

/// <summary>
/// Sorts a batch's positions by index on the host, stably (a counting sort): the order in which every device adds up the gradient of a
/// table. Not for several threads at a time.
/// </summary>
/// <param name="rows">Rows of the table.</param>
public sealed unsafe class IndexSorter(int rows)
{
    private readonly int[] _occurrences = new int[rows]; // of each index in the batch at hand

    /// <summary>Fills the other parts of a batch in host memory from its indices, each of which is below the table's rows.</summary>
    public void Sort(in IndexBatch batch)
    {
        int count = (int)batch.Indices.Shape.Count;
        int* indices = batch.Indices.Ints, sorted = batch.SortedPositions.Ints, segments = batch.SegmentIndices.Ints, starts = batch.SegmentStarts.Ints;
        Array.Clear(_occurrences);
        for (int i = 0; i < count; i++)
            _occurrences[indices[i]]++;
        int segment = 0, start = 0;
        for (int index = 0; index < _occurrences.Length; index++)
        {
            int occurrences = _occurrences[index];
            _occurrences[index] = start; // from here on: where the next occurrence goes
            if (occurrences == 0)
                continue;
            segments[segment] = index;
            starts[segment++] = start;
            start += occurrences;
        }
        starts[segment] = start;
        *batch.SegmentCount.Ints = segment;
        for (int i = 0; i < count; i++)
            sorted[_occurrences[indices[i]]++] = i;
    }
}
