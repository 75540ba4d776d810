using VideoSim.Engine.Devices;

namespace VideoSim.Models.Profiling;

/// <summary>
/// A function of a step. It compares the bytes that the function's kernels move with the floor: the bytes that any
/// implementation has to move.
/// </summary>
/// <param name="Step">The step that the function is in.</param>
/// <param name="Function">The function, with its launches.</param>
public sealed record KernelFloor(StepKind Step, CountedFunction Function)
{
    /// <summary>Largest allowed ratio of moved bytes to the floor.</summary>
    public const double Allowed = 1.15;

    /// <summary>Names of its kernels in order, one for each launch.</summary>
    public IEnumerable<string> Kernels => Function.Launches.Select(static launch => launch.Kernel.Entry);

    /// <summary>
    /// Every function of some steps, from the step in which it moves the most bytes. They are in the order of the
    /// first step with the function.
    /// </summary>
    public static IReadOnlyList<KernelFloor> Largest(IEnumerable<CountedStep> steps) =>
    [
        .. steps.SelectMany(static step => step.Functions, static (step, function) => new KernelFloor(step.Kind, function))
            .GroupBy(static floor => (floor.Function.Text, string.Join(' ', floor.Kernels)))
            .Select(static floors => floors.MaxBy(static floor => floor.Function.Cost.MovedBytes)!),
    ];
}
