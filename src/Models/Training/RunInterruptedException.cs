namespace VideoSim.Models.Training;

/// <summary>A training was cancelled and has saved a checkpoint.</summary>
/// <param name="step">The step of the checkpoint.</param>
public sealed class RunInterruptedException(long step) : OperationCanceledException($"interrupted; step {step} is saved")
{
    /// <summary>The step of the checkpoint.</summary>
    public long Step { get; } = step;
}
