namespace VideoSim.Models.Metrics;

/// <summary>The mean of the values seen since the last log line.</summary>
public sealed class RunningMean
{
    private double _sum;

    /// <summary>Number of values since the last <see cref="Take"/>.</summary>
    public long Count { get; private set; }

    /// <summary>Counts one value in.</summary>
    public void Add(double value)
    {
        _sum += value;
        Count++;
    }

    /// <summary>Gives the mean and starts anew; NaN if there was no value.</summary>
    public double Take()
    {
        double mean = _sum / Count;
        (_sum, Count) = (0, 0);
        return mean;
    }
}
