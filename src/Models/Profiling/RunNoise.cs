namespace VideoSim.Models.Profiling;

/// <summary>
/// How much the rows of a part differ between two runs although nothing has changed. The rounds of a run cannot show
/// it: memory lies elsewhere in the next run, and the clocks and the neighbours of a virtual machine change.
/// </summary>
public static class RunNoise
{
    /// <summary>The least that counts as a difference, and all that is known about a part of few rows.</summary>
    public const double Least = 0.05;

    private const int FewestRows = 8;

    // The half of normally distributed values nearest to their mean is within 0.67 standard deviations of it. So this
    // is two standard deviations: one row in twenty that has not changed is beyond it.
    private const double HalfWidths = 3, ShareWithin = 0.95;

    /// <summary>The smallest difference that counts, from the ratios of all rows of a part.</summary>
    /// <param name="ratios">Times of run B over times of run A.</param>
    /// <returns>
    /// A fraction: 0.05 is 5 %. It comes from the narrowest band with half of the rows, so that a change of the other
    /// half does not look like noise.
    /// </returns>
    public static double Of(IReadOnlyList<double> ratios)
    {
        if (ratios.Count < FewestRows)
            return Least;
        double[] sorted = [.. ratios.Select(static ratio => Math.Log(ratio)).Order()];
        int half = (sorted.Length + 1) / 2;
        double narrowest = Enumerable.Range(0, sorted.Length - half + 1).Min(first => sorted[first + half - 1] - sorted[first]);
        return Math.Max(Least, Math.Exp(HalfWidths * narrowest / 2) - 1);
    }

    /// <summary>
    /// The smallest difference that counts, from the ratios of peers, whose programs are the same in both runs. All of
    /// their differences are noise, also those that all rows have because the whole machine was slower.
    /// </summary>
    /// <inheritdoc cref="Of"/>
    public static double OfPeers(IReadOnlyList<double> ratios)
    {
        if (ratios.Count < FewestRows)
            return Least;
        double[] sorted = [.. ratios.Select(static ratio => Math.Abs(Math.Log(ratio))).Order()];
        return Math.Max(Least, Math.Exp(sorted[(int)(ShareWithin * (sorted.Length - 1))]) - 1);
    }
}
