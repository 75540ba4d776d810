namespace VideoSim.Models.Search;

/// <summary>
/// Disjoint sets of rows. The name of a set is its first row, so it does not depend on the order of the edges.
/// </summary>
/// <param name="count">Number of rows, each at first a set of its own.</param>
internal sealed class Components(int count)
{
    private readonly int[] _parents = [.. Enumerable.Range(0, count)]; // of a row in the same set, a row before it or the row itself

    /// <summary>The first row of the set of a row.</summary>
    public int FirstOf(int row)
    {
        while (_parents[row] != row)
            row = _parents[row] = _parents[_parents[row]]; // halves the way
        return row;
    }

    /// <summary>Joins the sets of two rows.</summary>
    public void Join(int a, int b)
    {
        (a, b) = (FirstOf(a), FirstOf(b));
        _parents[Math.Max(a, b)] = Math.Min(a, b);
    }

    /// <summary>Joins what is joined in another object.</summary>
    public void Add(Components others)
    {
        for (int row = 0; row < _parents.Length; row++)
            Join(row, others.FirstOf(row));
    }
}
