using VideoSim.Engine.Devices;
using VideoSim.Kernels.Contract;
using VideoSim.Models.Training;

namespace VideoSim.Models.Profiling;

/// <summary>A training step that was counted, not run.</summary>
/// <param name="Kind">Which.</param>
/// <param name="Sizes">Its sizes.</param>
/// <param name="Launches">What it launches, in order.</param>
public sealed record CountedStep(StepKind Kind, StepSizes Sizes, IReadOnlyList<CountedLaunch> Launches)
{
    /// <summary>Both stages of models.</summary>
    /// <param name="preset">Name of the preset.</param>
    /// <param name="models">Canonical names.</param>
    /// <param name="overrides"><c>key=value</c> overrides of the preset.</param>
    /// <param name="precisions">How activations may be stored: a step for each.</param>
    /// <param name="packsProducts">Whether the steps are those of the CPU, which packs operands of products ahead.</param>
    public static IReadOnlyList<CountedStep> Of(string preset, IEnumerable<string> models, IReadOnlyList<string> overrides, IReadOnlyList<Precision> precisions,
        bool packsProducts = false) =>
    [
        .. from model in models
           from pretraining in new[] { true, false }
           from precision in precisions
           select Count(preset, overrides, new StepKind(model, pretraining, precision), packsProducts),
    ];

    /// <summary>The first of the launches that move most bytes, of those of a kernel.</summary>
    /// <param name="entry">The kernel's name.</param>
    /// <returns>Its index, or -1.</returns>
    public int IndexOfLargest(string entry)
    {
        int largest = -1;
        for (int i = 0; i < Launches.Count; i++)
        {
            if (Launches[i].Kernel.Entry == entry && (largest < 0 || Launches[i].Cost.MovedBytes > Launches[largest].Cost.MovedBytes))
                largest = i;
        }
        return largest;
    }

    /// <summary>Work of the launches that are wanted.</summary>
    public KernelCost Sum(Func<CountedLaunch, bool> wanted) => Launches.Where(wanted).Aggregate(default(KernelCost), static (sum, launch) => sum + launch.Cost);

    private static CountedStep Count(string preset, IReadOnlyList<string> overrides, StepKind kind, bool packsProducts)
    {
        var sizes = SyntheticBatches.Sizes(preset, kind.Model, overrides);
        using var device = new CountingDevice(packsProducts);
        using var built = new BuiltStep(device, sizes, kind.Pretraining, kind.Precision);
        built.Step.Run();
        return new CountedStep(kind, StepSizes.Of(built, sizes.Model), ((CountingStream)device.Stream).InOrder);
    }
}
