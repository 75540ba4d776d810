namespace VideoSim.Models.Submissions;

/// <summary>
/// A matrix of float64 that grows by rows, in blocks. Growing copies nothing, and there is no array of the whole size.
/// </summary>
/// <param name="width">Values per row.</param>
/// <param name="spent">Rows that are read no longer. Their memory is used again if they have the same width.</param>
internal sealed class EmbeddingRows(int width, EmbeddingRows? spent = null)
{
    private const int RowsPerBlock = 256;

    private readonly List<double[]> _blocks = spent?.Width == width ? spent._blocks : [];

    /// <summary>Values per row.</summary>
    public int Width => width;

    /// <summary>A row, [Width].</summary>
    public Span<double> this[int row] => _blocks[row / RowsPerBlock].AsSpan(row % RowsPerBlock * width, width);

    /// <summary>
    /// Makes room for rows 0 to <paramref name="rows"/> - 1. They are 0 if their memory was not used before.
    /// </summary>
    public void Reserve(int rows)
    {
        while (_blocks.Count * RowsPerBlock < rows)
            _blocks.Add(new double[RowsPerBlock * width]);
    }
}
