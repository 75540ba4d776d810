namespace VideoSim.Models.Reports;

/// <summary>Pairs with similar cosines.</summary>
/// <param name="Cosine">Mean cosine.</param>
/// <param name="Label">Mean label.</param>
/// <param name="LabelLow">First quartile of the labels.</param>
/// <param name="LabelHigh">Third quartile.</param>
/// <param name="Pairs">Number of pairs.</param>
public sealed record ReliabilityBin(double Cosine, double Label, double LabelLow, double LabelHigh, int Pairs);

/// <summary>How cosines order labels, for the validation pairs of one model.</summary>
/// <param name="Group">Name of the model or run.</param>
/// <param name="Color">Number of its colour.</param>
/// <param name="Pairs">Number of pairs, of all folds together.</param>
/// <param name="Spearman">Their score.</param>
/// <param name="Low">Lower end of the bootstrap interval.</param>
/// <param name="High">Upper end.</param>
/// <param name="Bins">Tenths of the pairs in the order of their cosines.</param>
/// <param name="SampleCosines">Cosines of some pairs, for drawing.</param>
/// <param name="SampleLabels">Their labels.</param>
public sealed record ReliabilityCurve(string Group, int Color, int Pairs, double Spearman, double Low, double High, IReadOnlyList<ReliabilityBin> Bins, IReadOnlyList<double> SampleCosines,
    IReadOnlyList<double> SampleLabels)
{
    private const int MostBins = 10, FewestInBin = 5, MostPoints = 300;

    /// <summary>Computes it; null if the score of the pairs is undefined.</summary>
    internal static ReliabilityCurve? Of(string group, int color, IReadOnlyList<ScoredPair> pairs)
    {
        double[] cosines = [.. pairs.Select(static pair => pair.Cosine)], labels = [.. pairs.Select(static pair => pair.Label)];
        if (Metrics.Spearman.Correlation(cosines, labels) is not { } score || BootstrapInterval.Of(cosines, labels) is not var (low, high))
            return null;
        ScoredPair[] sorted = [.. pairs.OrderBy(static pair => pair.Cosine).ThenBy(static pair => pair.Left, StringComparer.Ordinal).ThenBy(static pair => pair.Right, StringComparer.Ordinal)];
        int bins = Math.Clamp(sorted.Length / FewestInBin, 1, MostBins);
        int stride = (sorted.Length + MostPoints - 1) / MostPoints;
        ScoredPair[] sample = [.. sorted.Where((_, i) => i % stride == 0)];
        return new ReliabilityCurve(group, color, pairs.Count, score, low, high,
            [.. Enumerable.Range(0, bins).Select(b => Bin(sorted[(int)((long)sorted.Length * b / bins)..(int)((long)sorted.Length * (b + 1) / bins)]))],
            [.. sample.Select(static pair => pair.Cosine)], [.. sample.Select(static pair => pair.Label)]);
    }

    private static ReliabilityBin Bin(ScoredPair[] pairs)
    {
        double[] labels = [.. pairs.Select(static pair => pair.Label).Order()];
        return new ReliabilityBin(pairs.Average(static pair => pair.Cosine), labels.Average(), labels[labels.Length / 4], labels[Math.Min(labels.Length - 1, 3 * labels.Length / 4)], pairs.Length);
    }
}

/// <summary>A pair whose cosine has another place in the order than its label.</summary>
/// <param name="Left">Id of the left video.</param>
/// <param name="Right">Id of the right video.</param>
/// <param name="LeftTitle">Its title; null if it is not known.</param>
/// <param name="RightTitle">Title of the right video.</param>
/// <param name="Label">The label.</param>
/// <param name="Cosine">The cosine, the mean over the runs that validated the pair.</param>
/// <param name="LabelRank">Share of the pairs with a smaller label, from 0 to 1; equal ones count half.</param>
/// <param name="CosineRank">Share of the pairs with a smaller cosine, the mean over the runs.</param>
/// <param name="Difference">The difference of the two, by which the pairs are sorted.</param>
public sealed record WorstPair(string Left, string Right, string? LeftTitle, string? RightTitle, double Label, double Cosine, double LabelRank, double CosineRank, double Difference)
{
    /// <summary>The pairs with the largest difference.</summary>
    /// <param name="runs">The pairs of each run.</param>
    /// <param name="count">The number of pairs to find.</param>
    internal static IReadOnlyList<WorstPair> Of(IEnumerable<IReadOnlyList<ScoredPair>> runs, int count)
    {
        var found = new Dictionary<(string, string), (double Label, double LabelRank, double Cosine, double CosineRank, int Runs)>();
        foreach (var pairs in runs)
        {
            double[] labels = Shares([.. pairs.Select(static pair => pair.Label)]), cosines = Shares([.. pairs.Select(static pair => pair.Cosine)]);
            for (int i = 0; i < pairs.Count; i++)
            {
                var key = (pairs[i].Left, pairs[i].Right);
                var sum = found.GetValueOrDefault(key);
                found[key] = (pairs[i].Label, sum.LabelRank + labels[i], sum.Cosine + pairs[i].Cosine, sum.CosineRank + cosines[i], sum.Runs + 1);
            }
        }
        return [.. found.Select(static pair => new WorstPair(pair.Key.Item1, pair.Key.Item2, null, null, pair.Value.Label, pair.Value.Cosine / pair.Value.Runs,
                pair.Value.LabelRank / pair.Value.Runs, pair.Value.CosineRank / pair.Value.Runs, Math.Abs(pair.Value.LabelRank - pair.Value.CosineRank) / pair.Value.Runs))
            .OrderByDescending(static pair => pair.Difference).ThenBy(static pair => pair.Left, StringComparer.Ordinal).ThenBy(static pair => pair.Right, StringComparer.Ordinal).Take(count)];
    }

    // The share of the values below each value, equal ones counted half.
    private static double[] Shares(double[] values)
    {
        double[] sorted = (double[])values.Clone(), shares = new double[values.Length];
        int[] order = [.. Enumerable.Range(0, values.Length)];
        Array.Sort(sorted, order);
        for (int from = 0, to; from < sorted.Length; from = to)
        {
            for (to = from + 1; to < sorted.Length && sorted[to] == sorted[from];)
                to++;
            for (int i = from; i < to; i++)
                shares[order[i]] = (from + to) / 2.0 / sorted.Length;
        }
        return shares;
    }
}
