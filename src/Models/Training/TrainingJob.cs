using VideoSim.Engine.Serialization;
using VideoSim.Models.Architectures;
using VideoSim.Models.Batches;
using VideoSim.Models.Checkpoints;
using VideoSim.Models.Configuration;
using VideoSim.Models.Progress;

namespace VideoSim.Models.Training;

/// <summary>The parts of one stage of training.</summary>
public sealed record TrainingJob
{
    /// <summary>Name in progress lines.</summary>
    public required string Label { get; init; }

    /// <summary>The model, allocated for training; its weights are undefined.</summary>
    public required IVideoModel Model { get; init; }

    /// <summary>Sets the initial weights of the model. Not called if there is a checkpoint.</summary>
    public required Action StartWeights { get; init; }

    /// <summary>Whether the initial weights are those of a trained model, so that they can be the best.</summary>
    public required bool StartIsTrained { get; init; }

    /// <summary>Steps, rates and intervals.</summary>
    public required TrainingConfig Config { get; init; }

    /// <summary>Adam's epsilon.</summary>
    public required double Epsilon { get; init; }

    /// <summary>The model's steps, and the sizes of their batches.</summary>
    public required TrainingStage Stage { get; init; }

    /// <summary>The random choices of the run after a number of rollbacks, which is 0 at first.</summary>
    public required Func<int, TrainingDraws> Draws { get; init; }

    /// <summary>Scores the validation set with the current weights; null if there is none.</summary>
    public required Func<ValidationScore>? Validate { get; init; }

    /// <summary>Adds the files of the model in its present state to a folder.</summary>
    public required Action<AtomicFolder, ModelProgress> WriteModel { get; init; }

    /// <summary>Rebuilds the step every time instead of replaying it.</summary>
    public bool Eager { get; init; }

    /// <summary>The stage whose keys are set by <c>--set</c>; null if the command has options for them.</summary>
    public string? KeysOf { get; init; }

    /// <summary>Receive what is written to metrics.jsonl.</summary>
    public IReadOnlyList<IMetricsReporter> Reporters { get; init; } = [];
}

/// <summary>The random choices of a run.</summary>
/// <param name="Seed">Key of dropout.</param>
/// <param name="Fills">
/// One for each thread that prefetches. Fills blocks with the parts of the batch of a number. The same number always
/// gives the same batch, from whichever of them. Each is called only from its thread.
/// </param>
public sealed record TrainingDraws(ulong Seed, IReadOnlyList<Action<long, BatchBlock[]>> Fills);
