using VideoSim.Engine.Devices;
using VideoSim.Kernels.Contract;

namespace VideoSim.Models.Profiling;

/// <summary>A kind of training step.</summary>
/// <param name="Model">Canonical name.</param>
/// <param name="Pretraining">Which stage: pretraining or finetuning.</param>
/// <param name="Precision">How activations are stored.</param>
public sealed record StepKind(string Model, bool Pretraining, ElementType Precision)
{
    /// <summary>Such as <c>mix finetune bf16</c>; fp32 is not named.</summary>
    public override string ToString() => $"{Model} {(Pretraining ? "pretrain" : "finetune")}{(Precision == ElementType.BFloat16 ? " bf16" : "")}";
}

/// <summary>A kernel's launch that moves most bytes in a training step of any of the models.</summary>
/// <param name="Step">The step it is in.</param>
/// <param name="Launch">The launch.</param>
public sealed record StepLaunch(StepKind Step, CountedLaunch Launch)
{
    /// <summary>Every kernel's largest launch; nothing is run.</summary>
    /// <param name="preset">Name of the preset.</param>
    /// <param name="models">Canonical names.</param>
    /// <param name="overrides"><c>key=value</c> overrides of the preset.</param>
    /// <param name="precisions">How the steps may store activations.</param>
    /// <param name="packsProducts">Whether the steps are those of the CPU, which packs operands of products ahead.</param>
    public static IReadOnlyDictionary<Kernel, StepLaunch> Largest(string preset, IEnumerable<string> models, IReadOnlyList<string> overrides, IReadOnlyList<ElementType> precisions,
        bool packsProducts = false) =>
        CountedStep.Of(preset, models, overrides, precisions, packsProducts)
            .SelectMany(static step => step.Launches, static (step, launch) => new StepLaunch(step.Kind, launch))
            .GroupBy(static of => of.Launch.Kernel)
            .ToDictionary(static launches => launches.Key, static launches => launches.MaxBy(static of => of.Launch.Cost.MovedBytes)!);
}
