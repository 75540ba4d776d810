using VideoSim.Engine.Autograd;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;

namespace VideoSim.Engine.Operators;

/// <summary>
/// Indices into a table, and the positions of each index; all Int32. Indices must lie within the table: no kernel
/// checks them.
/// </summary>
/// <param name="Indices">[B, S]</param>
/// <param name="SortedPositions">Positions b*S + s, stably sorted by index [B*S].</param>
/// <param name="SegmentIndices">The distinct indices, ascending [B*S].</param>
/// <param name="SegmentStarts">
/// Begin of each index's segment in the sorted positions, and the end of the last [B*S + 1].
/// </param>
/// <param name="SegmentCount">Number of distinct indices [1].</param>
public readonly unsafe record struct IndexBatch(Tensor Indices, Tensor SortedPositions, Tensor SegmentIndices, Tensor SegmentStarts, Tensor SegmentCount)
{
    private const string Sorted = "sorted positions", Segments = "segment indices", Starts = "segment starts", Count = "segment count";

    /// <summary>
    /// The inputs of a step for a batch. The indices have the given name; the names of the other parts begin with it.
    /// </summary>
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

    /// <summary>The batch in the inputs that <see cref="Inputs"/> declared.</summary>
    public static IndexBatch Of(StepInputs inputs, string name) =>
        new(inputs[name], inputs[$"{name}, {Sorted}"], inputs[$"{name}, {Segments}"], inputs[$"{name}, {Starts}"], inputs[$"{name}, {Count}"]);

    /// <summary>Writes indices and their order to the inputs of a step.</summary>
    /// <param name="inputs">Inputs with those of <see cref="Inputs"/>.</param>
    /// <param name="name">Name of the indices.</param>
    /// <param name="indices">All of them, row-major.</param>
    /// <param name="rows">Rows of the table.</param>
    /// <exception cref="ArgumentException">
    /// An index lies outside of the table, or the number of indices is wrong.
    /// </exception>
    public static void Upload(StepInputs inputs, string name, ReadOnlySpan<int> indices, int rows)
    {
        foreach (int index in indices)
        {
            if (index < 0 || index >= rows)
                throw new ArgumentException($"input {name} has the index {index}, outside of a table of {rows} rows");
        }
        inputs.Upload(name, indices);
        int[] sorted = new int[indices.Length], segments = new int[indices.Length], starts = new int[indices.Length + 1];
        int count = Sort(new int[rows], indices, sorted, segments, starts);
        inputs.Upload<int>($"{name}, {Sorted}", sorted);
        inputs.Upload<int>($"{name}, {Segments}", segments);
        inputs.Upload<int>($"{name}, {Starts}", starts);
        inputs.Upload<int>($"{name}, {Count}", [count]);
    }

    /// <summary>
    /// Computes the other parts of a batch in host memory from its indices. The sort is stable: every device adds up
    /// the gradient of a table in this order.
    /// </summary>
    /// <param name="places">
    /// Scratch memory, one element for each row of the table. Indices must be below its length.
    /// </param>
    public void Sort(int[] places)
    {
        int count = (int)Indices.Shape.Count;
        *SegmentCount.Ints = Sort(places, new(Indices.Ints, count), new(SortedPositions.Ints, count), new(SegmentIndices.Ints, count), new(SegmentStarts.Ints, count + 1));
    }

    // A counting sort. Returns the number of segments; elements after the last segment stay as they are.
    private static int Sort(int[] places, ReadOnlySpan<int> indices, Span<int> sorted, Span<int> segments, Span<int> starts)
    {
        Array.Clear(places);
        foreach (int index in indices)
            places[index]++;
        int segment = 0, start = 0;
        for (int index = 0; index < places.Length; index++)
        {
            int occurrences = places[index];
            places[index] = start; // from here on: the place of the next occurrence
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
