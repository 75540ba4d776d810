namespace VideoSim.Models.Metrics;

/// <summary>
/// Spearman's rank correlation: Pearson's correlation of average ranks, as the challenge scores similarities.
/// </summary>
public static class Spearman
{
    /// <summary>Correlates two columns of equal length. Equal values share the mean of their ranks.</summary>
    /// <param name="left">One value for each pair; any order, infinities allowed.</param>
    /// <param name="right">The other value for each pair.</param>
    /// <returns>
    /// From -1 to 1. There is no correlation, and null is returned, if a column is constant (SciPy returns NaN) or has
    /// fewer than two values; <see cref="WhyUndefined"/> has the reason.
    /// </returns>
    /// <exception cref="ArgumentException">The lengths differ, or a value is NaN, which has no rank.</exception>
    public static double? Correlation(ReadOnlySpan<double> left, ReadOnlySpan<double> right)
    {
        if (left.Length != right.Length)
            throw new ArgumentException($"Spearman correlation of columns of different lengths, {left.Length} and {right.Length}.");
        double[] leftRanks = CentredRanks(left, nameof(left)), rightRanks = CentredRanks(right, nameof(right));
        double product = 0, leftSquare = 0, rightSquare = 0;
        for (int i = 0; i < leftRanks.Length; i++)
        {
            product += leftRanks[i] * rightRanks[i];
            leftSquare += leftRanks[i] * leftRanks[i];
            rightSquare += rightRanks[i] * rightRanks[i];
        }
        return leftSquare == 0 || rightSquare == 0 ? null : product / Math.Sqrt(leftSquare * rightSquare);
    }

    /// <summary>Why pairs have no correlation, in a few words; null if they have one.</summary>
    /// <param name="cosines">Cosine of each pair.</param>
    /// <param name="labels">Its label.</param>
    public static string? WhyUndefined(ReadOnlySpan<double> cosines, ReadOnlySpan<double> labels) =>
        labels.Length < 2 ? "there are fewer than two pairs"
        : IsConstant(labels) ? $"all {labels.Length} labels are equal"
        : IsConstant(cosines) ? $"all {cosines.Length} cosines are equal"
        : null;

    private static bool IsConstant(ReadOnlySpan<double> values) => !values.ContainsAnyExcept(values[0]);

    /// <summary>
    /// Twice the distance of each value's average rank from the mean rank: whole numbers, so their sums are exact.
    /// </summary>
    private static double[] CentredRanks(ReadOnlySpan<double> values, string name)
    {
        double[] sorted = values.ToArray();
        int[] order = new int[sorted.Length];
        for (int i = 0; i < order.Length; i++)
        {
            if (double.IsNaN(sorted[i])) throw new ArgumentException($"Spearman correlation with NaN at position {i}.", name);
            order[i] = i;
        }
        Array.Sort(sorted, order);
        double[] ranks = new double[sorted.Length];
        for (int from = 0; from < sorted.Length;)
        {
            int to = from + 1;
            while (to < sorted.Length && sorted[to] == sorted[from]) to++;
            // Ranks from + 1 to `to` have the mean (from + 1 + to) / 2; all ranks have (Length + 1) / 2.
            for (int i = from; i < to; i++) ranks[order[i]] = from + to - sorted.Length;
            from = to;
        }
        return ranks;
    }
}
