using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;

namespace VideoSim.Models.Profiling;

/// <summary>A kind of training step.</summary>
/// <param name="Model">Canonical name.</param>
/// <param name="Pretraining">Which stage: pretraining or finetuning.</param>
/// <param name="Values">How activations are stored.</param>
public sealed record StepKind(string Model, bool Pretraining, ElementType Values)
{
    /// <summary>Such as <c>mix finetune bf16</c>; fp32 is not named.</summary>
    public override string ToString() => $"{Model} {(Pretraining ? "pretrain" : "finetune")}{(Values == ElementType.BFloat16 ? " bf16" : "")}";
}

/// <summary>A kernel's launch that moves most bytes in a training step of any of the models.</summary>
/// <param name="Step">The step it is in.</param>
/// <param name="Launch">The launch.</param>
public sealed record StepLaunch(StepKind Step, CountedLaunch Launch)
{
    /// <summary>How training steps can store activations.</summary>
    public static IReadOnlyList<ElementType> AllValues { get; } = [ElementType.Float32, ElementType.BFloat16];

    /// <summary>Every kernel's largest launch; nothing is run.</summary>
    /// <param name="preset">Name of the preset.</param>
    /// <param name="models">Canonical names.</param>
    /// <param name="overrides"><c>key=value</c> overrides of the preset.</param>
    /// <param name="values">How the steps may store activations.</param>
    public static IReadOnlyDictionary<Kernel, StepLaunch> Largest(string preset, IEnumerable<string> models, IReadOnlyList<string> overrides, IReadOnlyList<ElementType> values) =>
        CountedStep.Of(preset, models, overrides, values)
            .SelectMany(static step => step.Launches, static (step, launch) => new StepLaunch(step.Kind, launch))
            .Where(static of => of.Launch.Kernel is not null)
            .GroupBy(static of => of.Launch.Kernel!)
            .ToDictionary(static launches => launches.Key, static launches => launches.MaxBy(static of => of.Launch.Cost.Bytes)!);
}
