using VideoSim.Engine.Autograd;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;

namespace VideoSim.Engine.Operators;

/// <summary>
/// Indices into a table and where each index occurs; all Int32. They have to lie within the table: nothing on the device checks them.
/// </summary>
/// <param name="Indices">[B, S]</param>
/// <param name="SortedPositions">Positions b*S + s, stably sorted by index [B*S].</param>
/// <param name="SegmentIndices">The distinct indices, ascending [B*S].</param>
/// <param name="SegmentStarts">Where each index's run begins in the sorted positions, and the end of the last [B*S + 1].</param>
/// <param name="SegmentCount">Number of distinct indices [1].</param>
public readonly unsafe record struct IndexBatch(Tensor Indices, Tensor SortedPositions, Tensor SegmentIndices, Tensor SegmentStarts, Tensor SegmentCount)
{
    private const string Sorted = "sorted positions", Segments = "segment indices", Starts = "segment starts", Count = "segment count";

    /// <summary>The inputs of a step that hold a batch: its indices by the name, the other parts by names that begin with it.</summary>
    /// <param name="name">Name of the indices.</param>
    /// <param name="sequences">B</param>
    /// <param name="length">S</param>
    public static StepInput[] Inputs(string name, int sequences, int length)
    {
        int positions = checked(sequences * length);
        return
        [
            new(name, new Shape(sequences, length), ElementType.Int32), new($"{name}, {Sorted}", new Shape(positions), ElementType.Int32),
            new($"{name}, {Segments}", new Shape(positions), ElementType.Int32), new($"{name}, {Starts}", new Shape(positions + 1), ElementType.Int32),
            new($"{name}, {Count}", new Shape(1), ElementType.Int32),
        ];
    }

    /// <summary>The batch that <see cref="Inputs"/> made room for.</summary>
    public static IndexBatch Of(StepInputs inputs, string name) =>
        new(inputs[name], inputs[$"{name}, {Sorted}"], inputs[$"{name}, {Segments}"], inputs[$"{name}, {Starts}"], inputs[$"{name}, {Count}"]);

    /// <summary>Writes indices and their order into the inputs of a step.</summary>
    /// <param name="inputs">Made with <see cref="Inputs"/>.</param>
    /// <param name="name">Name of the indices.</param>
    /// <param name="indices">All of them, row-major.</param>
    /// <param name="rows">Rows of the table that they lie in.</param>
    /// <exception cref="ArgumentException">An index lies outside of the table, or their number is another one.</exception>
    public static void Upload(StepInputs inputs, string name, ReadOnlySpan<int> indices, int rows)
    {
        inputs.Upload(name, indices);
        foreach (int index in indices)
        {
            if (index < 0 || index >= rows)
                throw new ArgumentException($"input {name} holds the index {index}, outside of a table of {rows} rows");
        }
        int[] sorted = new int[indices.Length], segments = new int[indices.Length], starts = new int[indices.Length + 1];
        int count = Sort(new int[rows], indices, sorted, segments, starts);
        inputs.Upload<int>($"{name}, {Sorted}", sorted);
        inputs.Upload<int>($"{name}, {Segments}", segments);
        inputs.Upload<int>($"{name}, {Starts}", starts);
        inputs.Upload<int>($"{name}, {Count}", [count]);
    }

    /// <summary>
    /// Fills the other parts of a batch in host memory from its indices. The sort is stable: every device adds up the gradient of a table in
    /// this order.
    /// </summary>
    /// <param name="places">Scratch memory, one element for each row of the table. Every index is below their number.</param>
    public void Sort(int[] places)
    {
        int count = (int)Indices.Shape.Count;
        *SegmentCount.Ints = Sort(places, new(Indices.Ints, count), new(SortedPositions.Ints, count), new(SegmentIndices.Ints, count), new(SegmentStarts.Ints, count + 1));
    }

    // A counting sort. Returns the number of segments; the rest of segments and starts stays as it is.
    private static int Sort(int[] places, ReadOnlySpan<int> indices, Span<int> sorted, Span<int> segments, Span<int> starts)
    {
        Array.Clear(places);
        foreach (int index in indices)
            places[index]++;
        int segment = 0, start = 0;
        for (int index = 0; index < places.Length; index++)
        {
            int occurrences = places[index];
            places[index] = start; // from here on: where the next occurrence goes
            if (occurrences == 0)
                continue;
            segments[segment] = index;
            starts[segment++] = start;
            start += occurrences;
        }
        starts[segment] = start;
        for (int i = 0; i < indices.Length; i++)
            sorted[places[indices[i]]++] = i;
        return segment;
    }
}
