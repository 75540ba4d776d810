using VideoSim.Engine.Devices;
using VideoSim.Kernels.Contract;
using VideoSim.Models.Recipes;

namespace VideoSim.Models.Profiling;

/// <summary>A kind of training step.</summary>
/// <param name="Model">Canonical name.</param>
/// <param name="Pretraining">True for pretraining, false for finetuning.</param>
/// <param name="Precision">Type of activations.</param>
public sealed record StepKind(string Model, bool Pretraining, ElementType Precision)
{
    /// <summary>For example <c>mix finetune bf16</c>; fp32 is left out.</summary>
    public override string ToString() => $"{Model} {(Pretraining ? "pretrain" : "finetune")}{(Precision == ElementType.BFloat16 ? " bf16" : "")}";
}

/// <summary>The launch of a kernel that moves the most bytes in all training steps of some models.</summary>
/// <param name="Step">The step of the launch.</param>
/// <param name="Launch">The launch.</param>
public sealed record StepLaunch(StepKind Step, CountedLaunch Launch)
{
    /// <summary>Finds every kernel's largest launch. Nothing is run.</summary>
    /// <param name="preset">Name of the preset.</param>
    /// <param name="models">Canonical names.</param>
    /// <param name="overrides">Values that replace those of the preset.</param>
    /// <param name="precisions">Types of activations; steps of each type are searched.</param>
    /// <param name="packsProducts">True for the steps of the CPU, which packs operands of products ahead.</param>
    public static IReadOnlyDictionary<Kernel, StepLaunch> Largest(string preset, IEnumerable<string> models, IReadOnlyList<Override> overrides, IReadOnlyList<ElementType> precisions,
        bool packsProducts = false) =>
        Largest(CountedStep.Of(preset, models, overrides, precisions, packsProducts)).ToDictionary(static of => of.Launch.Kernel);

    /// <summary>The largest launch of every kernel in some steps, in the order of the first launches.</summary>
    public static IEnumerable<StepLaunch> Largest(IEnumerable<CountedStep> steps) =>
        steps.SelectMany(static step => step.Launches, static (step, launch) => new StepLaunch(step.Kind, launch))
            .GroupBy(static of => of.Launch.Kernel)
            .Select(static launches => launches.MaxBy(static of => of.Launch.Cost.MovedBytes)!);
}
