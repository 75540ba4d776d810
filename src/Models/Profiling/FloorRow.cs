using VideoSim.Kernels.Contract;

namespace VideoSim.Models.Profiling;

/// <summary>A function's largest launch in the bf16 steps.</summary>
/// <param name="Floor">The function.</param>
/// <param name="Step">Where it is.</param>
/// <param name="Moved">Work of its launches.</param>
public sealed record FloorRow(KernelFloor Floor, CountedStep Step, KernelCost Moved)
{
    /// <summary>Bytes that have to be moved.</summary>
    public double NecessaryBytes => Floor.Bytes(Step.Sizes);

    /// <summary>Moved over necessary bytes.</summary>
    public double Ratio => Moved.MovedBytes / NecessaryBytes;

    /// <summary>All functions that steps have.</summary>
    /// <exception cref="InvalidOperationException">No step launches a function's kernels.</exception>
    public static IReadOnlyList<FloorRow> Of(IReadOnlyList<CountedStep> steps) => [.. KernelFloor.All.Select(floor => Largest(floor, steps))];

    // The largest launch of the first kernel, with what follows it of each of the others.
    private static FloorRow Largest(KernelFloor floor, IReadOnlyList<CountedStep> steps)
    {
        var launches = steps.Select(step => (Step: step, At: step.IndexOfLargest(floor.Kernels[0]))).Where(static launch => launch.At >= 0).ToList();
        if (launches.Count == 0)
            throw new InvalidOperationException($"no step launches {floor.Kernels[0]}");
        var (step, at) = launches.MaxBy(static launch => launch.Step.Launches[launch.At].Cost.MovedBytes);
        var moved = step.Launches[at].Cost;
        foreach (string next in floor.Kernels.Skip(1))
        {
            do
            {
                if (++at == step.Launches.Count)
                    throw new InvalidOperationException($"no {next} follows {floor.Kernels[0]} in {step.Kind}");
            }
            while (step.Launches[at].Kernel.Entry != next);
            moved += step.Launches[at].Cost;
        }
        return new FloorRow(floor, step, moved);
    }
}
