namespace VideoSim.Models.Submissions;

/// <summary>
/// A matrix of float64 that grows by rows, in blocks. Growing copies nothing, and there is no array of the whole size.
/// </summary>
internal sealed class EmbeddingRows
{
    private const int RowsPerBlock = 256;

    private List<double[]>? _blocks;

    /// <param name="width">Values per row.</param>
    /// <param name="spent">
    /// Rows that are not read again: from now on they throw. Their memory is used again if they have the same width.
    /// </param>
    public EmbeddingRows(int width, EmbeddingRows? spent = null)
    {
        Width = width;
        _blocks = (spent?.Width == width ? spent._blocks : null) ?? [];
        spent?._blocks = null;
    }

    /// <summary>Values per row.</summary>
    public int Width { get; }

    /// <summary>A row, [Width].</summary>
    /// <exception cref="InvalidOperationException">Other rows have the memory of these.</exception>
    public Span<double> this[int row] => Blocks[row / RowsPerBlock].AsSpan(row % RowsPerBlock * Width, Width);

    private List<double[]> Blocks => _blocks ?? throw new InvalidOperationException("these embeddings were read before the next file, which has their memory now");

    /// <summary>
    /// Makes room for rows 0 to <paramref name="rows"/> - 1. They are 0 if their memory was not used before.
    /// </summary>
    public void Reserve(int rows)
    {
        while (Blocks.Count * RowsPerBlock < rows)
            Blocks.Add(new double[RowsPerBlock * Width]);
    }
}
