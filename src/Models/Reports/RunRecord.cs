using System.Text.Json.Nodes;
using VideoSim.Models.Datasets;
using VideoSim.Models.Metrics;

namespace VideoSim.Models.Reports;

/// <summary>The values of one measure, in the order of the lines that have it.</summary>
/// <param name="Steps">Their steps. After a rollback steps occur again.</param>
/// <param name="Values">The values, all finite.</param>
public sealed record Series(IReadOnlyList<long> Steps, IReadOnlyList<double> Values)
{
    /// <summary>Number of values.</summary>
    internal int Count => Steps.Count;
}

/// <summary>Something that happened in a run.</summary>
/// <param name="Kind">resume, rollback, early stopping or not finite.</param>
/// <param name="Step">The step of a resume, or the step at which a run was rolled back or stopped.</param>
/// <param name="Text">What happened.</param>
public sealed record RunEvent(string Kind, long Step, string Text)
{
    internal const string NotFinite = "not finite";
}

/// <summary>A pair of a validation.</summary>
internal sealed record ScoredPair(string Left, string Right, double Label, double Cosine);

/// <summary>Wall-clock seconds of the parts of a run.</summary>
/// <param name="Total">All of them.</param>
/// <param name="Input">Waiting for batches.</param>
/// <param name="Train">Steps.</param>
/// <param name="Validation">Validations.</param>
/// <param name="Saving">Checkpoints and models.</param>
/// <param name="Other">The rest.</param>
public sealed record TimeParts(double Total, double Input, double Train, double Validation, double Saving, double Other);

/// <summary>One start or resume of a run, as in environment.json. Values are null if the file lacks them.</summary>
/// <param name="Started">Date.</param>
/// <param name="FromStep">Steps done before.</param>
/// <param name="CommandLine">The command.</param>
/// <param name="Version">Version of the program.</param>
/// <param name="Commit">Its commit.</param>
/// <param name="Machine">Cores and runtime.</param>
/// <param name="Processor">Model of the processor.</param>
/// <param name="System">Operating system.</param>
/// <param name="Runtime">Version of .NET.</param>
/// <param name="Device">Name of the device.</param>
/// <param name="Threads">Threads of the CPU device.</param>
public sealed record SessionRow(string? Started, long? FromStep, string? CommandLine, string? Version, string? Commit, string? Machine, string? Processor, string? System,
    string? Runtime, string? Device, long? Threads);

/// <summary>What the files of a run's folder say.</summary>
internal sealed record RunRecord
{
    /// <summary>Full path of the folder.</summary>
    public required string Folder { get; init; }

    /// <summary>args.json.</summary>
    public required JsonObject Arguments { get; init; }

    /// <summary>pretrain or finetune.</summary>
    public required string Stage { get; init; }

    /// <summary>Name of the model.</summary>
    public required string Model { get; init; }

    /// <summary>The fold of a finetuning.</summary>
    public required int? Fold { get; init; }

    /// <summary>The steps that the run is to have.</summary>
    public required long Steps { get; init; }

    /// <summary>The last step of which there is a line.</summary>
    public required long Done { get; init; }

    /// <summary>Whether the run has ended.</summary>
    public required bool IsComplete { get; init; }

    /// <summary>Values over steps by key of metrics.jsonl and timing.jsonl.</summary>
    public required IReadOnlyDictionary<string, Series> Curves { get; init; }

    /// <summary>Resumes, rollbacks, early stopping.</summary>
    public required IReadOnlyList<RunEvent> Events { get; init; }

    /// <summary>The starts and resumes.</summary>
    public required IReadOnlyList<SessionRow> Sessions { get; init; }

    /// <summary>Seconds of its parts; null without timing.jsonl.</summary>
    public required TimeParts? Time { get; init; }

    /// <summary>The most memory of a line of timing.jsonl.</summary>
    public required double? MemoryBytes { get; init; }

    /// <summary>The pairs of its newest validation.</summary>
    public required IReadOnlyList<ScoredPair> Pairs { get; init; }

    /// <summary>The embeddings of that validation.</summary>
    public required EmbeddingHealth? Health { get; init; }

    /// <summary>The files that it read.</summary>
    public required IReadOnlyList<FileDigest> Inputs { get; init; }

    /// <summary>The curve of a key; empty if there is none.</summary>
    public Series this[string key] => Curves.GetValueOrDefault(key) ?? new Series([], []);
}
