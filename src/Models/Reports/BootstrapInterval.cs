using VideoSim.Kernels.Random;

namespace VideoSim.Models.Reports;

/// <summary>
/// The percentile interval of Spearman by the bootstrap (Efron 1979): scores of samples that are drawn from the pairs
/// with replacement. The draws are a function of the sample and the place, so the same pairs give the same bits.
/// </summary>
internal static class BootstrapInterval
{
    /// <summary>Number of samples.</summary>
    public const int Resamples = 1000;

    /// <summary>Share of the samples' scores in the interval.</summary>
    public const double Level = 0.95;

    private const ulong Key = 0x5350_4541_524d_414e; // any constant

    /// <summary>
    /// The interval of some pairs; null if their score is undefined. Samples whose score is undefined are left out.
    /// </summary>
    /// <param name="left">One value of each pair.</param>
    /// <param name="right">The other value of each pair.</param>
    public static (double Low, double High)? Of(double[] left, double[] right)
    {
        if (Metrics.Spearman.WhyUndefined(left, right) is not null)
            return null;
        var (leftOrder, leftGroups) = Order(left);
        var (rightOrder, rightGroups) = Order(right);
        double[] scores = new double[Resamples], leftRanks = new double[left.Length], rightRanks = new double[left.Length];
        int[] counts = new int[left.Length];
        for (int sample = 0; sample < Resamples; sample++)
        {
            Draw(counts, (uint)sample);
            Rank(leftOrder, leftGroups, counts, leftRanks);
            Rank(rightOrder, rightGroups, counts, rightRanks);
            scores[sample] = Correlation(leftRanks, rightRanks, counts);
        }
        scores = [.. scores.Where(double.IsFinite).Order()];
        int outside = (int)(scores.Length * (1 - Level) / 2);
        return (scores[outside], scores[^(outside + 1)]);
    }

    /// <summary>Draws a sample: how often each pair is in it.</summary>
    internal static void Draw(int[] counts, uint sample)
    {
        Array.Clear(counts);
        for (int i = 0; i < counts.Length; i += 4)
        {
            var (a, b, c, d) = Philox.Block((uint)i, 0, 0, sample, Key);
            Take(a);
            if (i + 1 < counts.Length)
                Take(b);
            if (i + 2 < counts.Length)
                Take(c);
            if (i + 3 < counts.Length)
                Take(d);
        }

        void Take(uint bits) => counts[(int)(((ulong)bits * (uint)counts.Length) >> 32)]++;
    }

    // The places in the order of their values, and where each group of equal values ends.
    private static (int[] Order, int[] GroupEnds) Order(double[] values)
    {
        double[] sorted = (double[])values.Clone();
        int[] order = [.. Enumerable.Range(0, values.Length)];
        Array.Sort(sorted, order);
        return (order, [.. Enumerable.Range(1, values.Length).Where(end => end == sorted.Length || sorted[end] != sorted[end - 1])]);
    }

    // Twice the distance of average ranks from their mean, as in Spearman: whole numbers, so their sums are exact.
    private static void Rank(int[] order, int[] groupEnds, int[] counts, double[] ranks)
    {
        int from = 0, before = 0;
        foreach (int end in groupEnds)
        {
            int group = 0;
            for (int i = from; i < end; i++)
                group += counts[order[i]];
            for (int i = from; i < end; i++)
                ranks[order[i]] = 2.0 * before + group - order.Length;
            before += group;
            from = end;
        }
    }

    private static double Correlation(double[] left, double[] right, int[] counts)
    {
        double product = 0, leftSquare = 0, rightSquare = 0;
        for (int i = 0; i < counts.Length; i++)
        {
            product += counts[i] * left[i] * right[i];
            leftSquare += counts[i] * left[i] * left[i];
            rightSquare += counts[i] * right[i] * right[i];
        }
        return product / Math.Sqrt(leftSquare * rightSquare); // NaN if one is 0
    }
}
