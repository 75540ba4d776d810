namespace VideoSim.Models.Reports;

/// <summary>
/// Fewer points of a curve, for drawing: the smallest and the largest of each bucket, so that no spike is lost.
/// </summary>
internal static class Thinning
{
    /// <summary>A curve with at most a number of points. The first and the last point stay.</summary>
    /// <param name="curve">The curve.</param>
    /// <param name="most">The number of points, at least 4.</param>
    public static Series Thin(Series curve, int most)
    {
        if (curve.Count <= most)
            return curve;
        int buckets = (most - 2) / 2, inner = curve.Count - 2;
        var kept = new List<int>(most) { 0 };
        for (int b = 0; b < buckets; b++)
        {
            int from = 1 + (int)((long)inner * b / buckets), to = 1 + (int)((long)inner * (b + 1) / buckets);
            if (from == to)
                continue;
            int low = from, high = from;
            for (int i = from; i < to; i++)
            {
                low = curve.Values[i] < curve.Values[low] ? i : low;
                high = curve.Values[i] > curve.Values[high] ? i : high;
            }
            kept.Add(Math.Min(low, high));
            if (low != high)
                kept.Add(Math.Max(low, high));
        }
        kept.Add(curve.Count - 1);
        return new Series([.. kept.Select(i => curve.Steps[i])], [.. kept.Select(i => curve.Values[i])]);
    }
}
