using VideoSim.Engine.Devices;
using VideoSim.Kernels.Contract;
using VideoSim.Models.Training;

namespace VideoSim.Models.Profiling;

/// <summary>A training step that was counted, not run.</summary>
/// <param name="Kind">Which.</param>
/// <param name="Videos">Videos of a batch: of both sides where there are pairs.</param>
/// <param name="Parameters">Trained numbers.</param>
/// <param name="Functions">What it computes.</param>
public sealed record CountedStep(StepKind Kind, int Videos, long Parameters, IReadOnlyList<CountedFunction> Functions)
{
    /// <summary>Both stages of models.</summary>
    /// <param name="preset">Name of the preset.</param>
    /// <param name="models">Canonical names.</param>
    /// <param name="overrides"><c>key=value</c> overrides of the preset.</param>
    /// <param name="precisions">How activations may be stored: a step for each.</param>
    /// <param name="packsProducts">Whether the steps are those of the CPU, which packs operands of products ahead.</param>
    public static IReadOnlyList<CountedStep> Of(string preset, IEnumerable<string> models, IReadOnlyList<string> overrides, IReadOnlyList<ElementType> precisions,
        bool packsProducts = false) =>
    [
        .. from model in models
           from pretraining in new[] { true, false }
           from precision in precisions
           select Count(preset, overrides, new StepKind(model, pretraining, precision), packsProducts),
    ];

    /// <summary>What it launches.</summary>
    public IEnumerable<CountedLaunch> Launches => Functions.SelectMany(static function => function.Launches);

    /// <summary>Work of the launches that are wanted.</summary>
    public KernelCost Sum(Func<CountedLaunch, bool> wanted) => Launches.Where(wanted).Aggregate(default(KernelCost), static (sum, launch) => sum + launch.Cost);

    private static CountedStep Count(string preset, IReadOnlyList<string> overrides, StepKind kind, bool packsProducts)
    {
        var sizes = SyntheticBatches.Sizes(preset, kind.Model, overrides);
        using var device = new CountingDevice(packsProducts);
        using var built = new BuiltStep(device, sizes, kind.Pretraining, kind.Precision);
        return new CountedStep(kind, built.Stage.Shape.Videos, built.Model.Parameters.Count, built.Step.Functions);
    }
}
