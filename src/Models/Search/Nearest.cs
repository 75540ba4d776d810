namespace VideoSim.Models.Search;

/// <summary>
/// The rows with the largest cosines so far. Rows with equal cosines are in the ordinal order of their ids. So the
/// result does not depend on the order in which rows are added.
/// </summary>
/// <param name="ids">Ids of the rows.</param>
/// <param name="top">The most rows to keep.</param>
internal sealed class Nearest(IReadOnlyList<string> ids, int top)
{
    // The worst row comes first.
    private readonly PriorityQueue<int, (double Cosine, string Id)> _rows = new(Comparer<(double Cosine, string Id)>.Create(static (left, right) =>
        left.Cosine != right.Cosine ? left.Cosine.CompareTo(right.Cosine) : string.CompareOrdinal(right.Id, left.Id)));

    /// <summary>A row with a smaller cosine is not among the nearest.</summary>
    public double Least { get; private set; } = double.NegativeInfinity;

    /// <summary>Adds a row. It is dropped if enough rows are nearer.</summary>
    public void Add(int row, double cosine)
    {
        var key = (cosine, ids[row]);
        if (_rows.Count < top)
            _rows.Enqueue(row, key);
        else
            _rows.EnqueueDequeue(row, key);
        if (_rows.Count == top && _rows.TryPeek(out _, out var worst))
            Least = worst.Cosine;
    }

    /// <summary>Adds the rows of another object.</summary>
    public void Add(Nearest other)
    {
        foreach (var (row, (cosine, _)) in other._rows.UnorderedItems)
            Add(row, cosine);
    }

    /// <summary>The rows, the nearest first. This object is empty afterwards.</summary>
    public SimilarVideo[] Result()
    {
        var found = new SimilarVideo[_rows.Count];
        for (int i = found.Length - 1; _rows.TryDequeue(out int row, out var key); i--)
            found[i] = new SimilarVideo(ids[row], key.Cosine);
        return found;
    }
}
