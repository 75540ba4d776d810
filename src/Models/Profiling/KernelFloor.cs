using VideoSim.Engine.Devices;

namespace VideoSim.Models.Profiling;

/// <summary>What the kernels of a function move, against the bytes that have to be moved for it: its floor.</summary>
/// <param name="Step">The step that the function is in.</param>
/// <param name="Function">The function, with its launches.</param>
public sealed record KernelFloor(StepKind Step, CountedFunction Function)
{
    /// <summary>How many times the floor a function may move by design.</summary>
    public const double Allowed = 1.15;

    /// <summary>Names of the kernels that compute it, one launch each, in order.</summary>
    public IEnumerable<string> Kernels => Function.Launches.Select(static launch => launch.Kernel.Entry);

    /// <summary>Every function of steps where it moves most bytes, in the order in which the first step has it.</summary>
    public static IReadOnlyList<KernelFloor> Largest(IEnumerable<CountedStep> steps) =>
    [
        .. steps.SelectMany(static step => step.Functions, static (step, function) => new KernelFloor(step.Kind, function))
            .GroupBy(static floor => (floor.Function.Text, string.Join(' ', floor.Kernels)))
            .Select(static floors => floors.MaxBy(static floor => floor.Function.Cost.MovedBytes)!),
    ];
}
