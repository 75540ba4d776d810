namespace VideoSim.Models.Batches;

/// <summary>
/// Sorts a batch's tokens by id, stable in the position (a counting sort): the order in which every device adds up the
/// gradients of the word table.
/// </summary>
internal sealed unsafe class OccurrenceSorter(int vocabularySize)
{
    private readonly int[] _occurrences = new int[vocabularySize]; // of each token id in the batch at hand

    /// <summary>Fills the slot's sorted positions and segments from its token ids.</summary>
    public void Sort(BatchBlock slot)
    {
        int tokens = slot.Shape.Tokens;
        int* ids = slot.TokenIds.Ints, sorted = slot.SortedPositions.Ints, segmentTokens = slot.SegmentTokens.Ints, starts = slot.SegmentStarts.Ints;
        Array.Clear(_occurrences);
        for (int i = 0; i < tokens; i++)
            _occurrences[ids[i]]++;
        int segments = 0, start = 0;
        for (int id = 0; id < _occurrences.Length; id++)
        {
            int count = _occurrences[id];
            _occurrences[id] = start; // from here on: where the next occurrence goes
            if (count == 0)
                continue;
            segmentTokens[segments] = id;
            starts[segments++] = start;
            start += count;
        }
        starts[segments] = start;
        *slot.SegmentCount.Ints = segments;
        for (int i = 0; i < tokens; i++)
            sorted[_occurrences[ids[i]]++] = i;
    }
}
