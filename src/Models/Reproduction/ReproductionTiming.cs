using System.Text.Json.Serialization;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Training;

namespace VideoSim.Models.Reproduction;

/// <summary>The record of a part that is done, in the folder parts/.</summary>
/// <param name="Host">Machine of the process that finished it.</param>
/// <param name="Process">Number of that process.</param>
/// <param name="Device">Name of its device.</param>
/// <param name="MadeBy">What the bits of the embeddings depend on.</param>
/// <param name="TrainingSeconds">
/// Wall-clock time of the training with its validations, in the process that finished it.
/// </param>
/// <param name="EmbeddingSeconds">Wall-clock time of the embeddings of test_b in that process.</param>
/// <param name="Sessions">Number of starts of the training.</param>
public sealed record PartRecord(string Host, int Process, string Device, MadeBy MadeBy, double TrainingSeconds, double EmbeddingSeconds, int Sessions)
{
    /// <summary>Host and process, for messages.</summary>
    internal string Owner => $"{Printable.OneLine(Host)} (process {Process})";
}

/// <summary>
/// The timing.json of a reproduction: what depends on time and machine. The other results have the same bytes in every
/// run of the same command.
/// </summary>
/// <param name="Seconds">Sum over all parts.</param>
/// <param name="Devices">Names of the devices.</param>
/// <param name="Mixed">
/// Parts on which machines of several kinds or versions of the program have worked, and the same of the results. Their
/// bits can differ from those of one machine.
/// </param>
/// <param name="Models">Seconds of each model's stages.</param>
/// <param name="Parts">The record of each part by name.</param>
public sealed record ReproductionTiming(double Seconds, IReadOnlyList<string> Devices, IReadOnlyList<string> Mixed,
    IReadOnlyDictionary<string, StageSeconds> Models, IReadOnlyDictionary<string, PartRecord> Parts)
{
    /// <summary>Sums up the records of parts.</summary>
    internal static ReproductionTiming Of(IReadOnlyList<(ReproductionPart Part, PartRecord Record)> parts, IReadOnlyList<string> mixed) => new(
        parts.Sum(static part => part.Record.TrainingSeconds + part.Record.EmbeddingSeconds),
        [.. parts.Select(static part => part.Record.Device).Distinct()],
        mixed,
        parts.GroupBy(static part => part.Part.Model).ToDictionary(static model => model.Key, static model => new StageSeconds(
            model.Where(static part => part.Part.Fold is null).Sum(static part => part.Record.TrainingSeconds),
            model.Where(static part => part.Part.Fold is not null).Sum(static part => part.Record.TrainingSeconds),
            model.Sum(static part => part.Record.EmbeddingSeconds))),
        parts.ToDictionary(static part => part.Part.Name, static part => part.Record));
}

/// <summary>Wall-clock time of a model's stages.</summary>
/// <param name="Pretrain">Pretraining with its validations.</param>
/// <param name="Finetune">Finetuning of all folds with their validations.</param>
/// <param name="Embed">Embeddings of test_b: with random weights, after pretraining, and of each fold.</param>
public sealed record StageSeconds(double Pretrain, double Finetune, double Embed);

/// <summary>Summary and timing of a reproduction.</summary>
/// <param name="Summary">As in summary.json.</param>
/// <param name="Timing">As in timing.json.</param>
public sealed record ReproductionResult(ReproductionSummary Summary, ReproductionTiming Timing);

/// <summary>JSON of a reproduction's results.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true)]
[JsonSerializable(typeof(ReproductionSummary))]
[JsonSerializable(typeof(ReproductionTiming))]
[JsonSerializable(typeof(PartRecord))]
public sealed partial class ReproductionJson : JsonSerializerContext;
