namespace VideoSim.Models.Reports;

/// <summary>Moves labels apart that would lie on each other, as little as possible.</summary>
internal static class LabelPlaces
{
    /// <summary>The places of labels on a line, in the order given.</summary>
    /// <param name="wanted">Where each would be.</param>
    /// <param name="gap">The least distance of two labels.</param>
    /// <param name="low">The first place.</param>
    /// <param name="high">The last place. With too many labels the gap is smaller.</param>
    public static double[] Apart(IReadOnlyList<double> wanted, double gap, double low, double high)
    {
        int count = wanted.Count;
        if (count > 1)
            gap = Math.Min(gap, (high - low) / (count - 1));
        int[] order = [.. Enumerable.Range(0, count).OrderBy(i => wanted[i]).ThenBy(static i => i)];
        // Without the gaps the places must rise. Neighbours that fall are put at their mean (pool adjacent violators).
        var pools = new List<(double Sum, int Count)>();
        for (int k = 0; k < count; k++)
        {
            var pool = (Sum: wanted[order[k]] - k * gap, Count: 1);
            while (pools.Count > 0 && pools[^1].Sum / pools[^1].Count >= pool.Sum / pool.Count)
            {
                pool = (pool.Sum + pools[^1].Sum, pool.Count + pools[^1].Count);
                pools.RemoveAt(pools.Count - 1);
            }
            pools.Add(pool);
        }
        double[] places = new double[count];
        int at = 0;
        foreach (var (sum, size) in pools)
        {
            double place = Math.Clamp(sum / size, low, Math.Max(low, high - (count - 1) * gap));
            for (int i = 0; i < size; i++, at++)
                places[order[at]] = place + at * gap;
        }
        return places;
    }
}
