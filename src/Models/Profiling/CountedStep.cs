using VideoSim.Engine.Devices;
using VideoSim.Kernels.Contract;
using VideoSim.Models.Recipes;
using VideoSim.Models.Training;

namespace VideoSim.Models.Profiling;

/// <summary>A training step that was counted, not run.</summary>
/// <param name="Kind">Kind of the step.</param>
/// <param name="Videos">Videos of a batch; two for each pair.</param>
/// <param name="Parameters">Number of trained parameters.</param>
/// <param name="Functions">Its functions, with their launches.</param>
public sealed record CountedStep(StepKind Kind, int Videos, long Parameters, IReadOnlyList<CountedFunction> Functions)
{
    /// <summary>Counts the steps of both stages of models.</summary>
    /// <param name="preset">Name of the preset.</param>
    /// <param name="models">Canonical names.</param>
    /// <param name="overrides">Values that replace those of the preset.</param>
    /// <param name="precisions">Types of activations; one step for each.</param>
    /// <param name="packsProducts">True for the steps of the CPU, which packs operands of products ahead.</param>
    public static IReadOnlyList<CountedStep> Of(string preset, IEnumerable<string> models, IReadOnlyList<Override> overrides, IReadOnlyList<ElementType> precisions,
        bool packsProducts = false) =>
    [
        .. from model in models
           from pretraining in new[] { true, false }
           from precision in precisions
           select Count(preset, overrides, new StepKind(model, pretraining, precision), packsProducts),
    ];

    /// <summary>Its launches.</summary>
    public IEnumerable<CountedLaunch> Launches => Functions.SelectMany(static function => function.Launches);

    /// <summary>Total cost of the launches for which a function returns true.</summary>
    public KernelCost Sum(Func<CountedLaunch, bool> included) => Launches.Where(included).Aggregate(default(KernelCost), static (sum, launch) => sum + launch.Cost);

    private static CountedStep Count(string preset, IReadOnlyList<Override> overrides, StepKind kind, bool packsProducts)
    {
        var sizes = SyntheticBatches.Sizes(preset, kind.Model, overrides);
        using var device = new CountingDevice(packsProducts);
        using var built = new BuiltStep(device, sizes, kind.Pretraining, kind.Precision);
        return new CountedStep(kind, built.Stage.Shape.Videos, built.Model.Parameters.Count, built.Step.Functions);
    }
}
