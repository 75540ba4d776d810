namespace VideoSim.Engine.Optimizers;

/// <summary>
/// Linear warm-up from 0 to the peak, then linear decay to 0 (docs/reference-system.md, section 5.1). The first step
/// therefore has rate 0. After the warm-up, every step from <see cref="TotalSteps"/> on has rate 0 again.
/// </summary>
public sealed record LearningRateSchedule
{
    /// <summary>Describes a schedule.</summary>
    /// <param name="peakRate">
    /// The highest rate, reached at step <paramref name="warmUpSteps"/>; finite, not negative.
    /// </param>
    /// <param name="warmUpSteps">Steps of rising rate; 0 starts at the peak.</param>
    /// <param name="totalSteps">
    /// The step at which the rate is 0 again. If it is less than the warm-up, the rate only rises.
    /// </param>
    public LearningRateSchedule(double peakRate, long warmUpSteps, long totalSteps)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(peakRate);
        ArgumentOutOfRangeException.ThrowIfEqual(double.IsFinite(peakRate), false, nameof(peakRate));
        ArgumentOutOfRangeException.ThrowIfNegative(warmUpSteps);
        ArgumentOutOfRangeException.ThrowIfNegative(totalSteps);
        PeakRate = peakRate;
        WarmUpSteps = warmUpSteps;
        TotalSteps = totalSteps;
    }

    /// <summary>The highest rate.</summary>
    public double PeakRate { get; }

    /// <summary>Number of steps in which the rate rises.</summary>
    public long WarmUpSteps { get; }

    /// <summary>The step from which on the rate is 0, once the warm-up is over.</summary>
    public long TotalSteps { get; }

    /// <summary>The rate of one update.</summary>
    /// <param name="step">0-based number of the update.</param>
    public double RateAt(long step)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        if (step < WarmUpSteps)
            return PeakRate * step / WarmUpSteps;
        return step < TotalSteps
            ? PeakRate * (TotalSteps - step) / (TotalSteps - WarmUpSteps)
            : 0;
    }
}
