using System.Text.Json.Serialization;
using VideoSim.Models.Datasets;
using VideoSim.Models.Metrics;

namespace VideoSim.Models.Reports;

/// <summary>All numbers of a report. The page and <c>--json</c> show the same ones.</summary>
public sealed record ReportData
{
    /// <summary>Names of the folders.</summary>
    public required string Title { get; init; }

    /// <summary>The result in one sentence.</summary>
    public required Finding Verdict { get; init; }

    /// <summary>Sentences that place the result.</summary>
    public required IReadOnlyList<Finding> Details { get; init; }

    /// <summary>What each part shows, by name of the part.</summary>
    public required IReadOnlyDictionary<string, Finding> Findings { get; init; }

    /// <summary>Scores on test_b beside each other; empty without them.</summary>
    public required IReadOnlyList<StandingRow> Standing { get; init; }

    /// <summary>The runs.</summary>
    public required IReadOnlyList<RunSummary> Runs { get; init; }

    /// <summary>Curves over steps.</summary>
    public required IReadOnlyList<CurveFigure> Curves { get; init; }

    /// <summary>Validations of the folds of each group.</summary>
    public required IReadOnlyList<FoldSpread> Folds { get; init; }

    /// <summary>The models of a finished reproduction.</summary>
    public required EnsembleShares? Ensemble { get; init; }

    /// <summary>Cosines against labels.</summary>
    public required IReadOnlyList<ReliabilityCurve> Reliability { get; init; }

    /// <summary>The share of resampled scores in an interval.</summary>
    public double IntervalLevel { get; } = BootstrapInterval.Level;

    /// <summary>The number of resampled scores.</summary>
    public int IntervalResamples { get; } = BootstrapInterval.Resamples;

    /// <summary>The pairs whose cosine and label disagree most.</summary>
    public required IReadOnlyList<WorstPair> WorstPairs { get; init; }

    /// <summary>Number of these pairs.</summary>
    public int WorstPairCount => WorstPairs.Count;

    /// <summary>The cosine above which two videos are near-duplicates.</summary>
    public double NearDuplicateCosine { get; } = EmbeddingHealth.NearDuplicateCosine;

    /// <summary>Where the time of each group went.</summary>
    public required IReadOnlyList<TimeBudget> Times { get; init; }

    /// <summary>The parts of a step, from a bench.</summary>
    public required BenchParts? Bench { get; init; }

    /// <summary>The files that the runs read.</summary>
    public required IReadOnlyList<FileDigest> Inputs { get; init; }

    /// <summary>What to try next.</summary>
    public required IReadOnlyList<Finding> Advice { get; init; }

    /// <summary>What is not shown, and why.</summary>
    public required IReadOnlyList<string> Notes { get; init; }
}

/// <summary>A score beside others.</summary>
/// <param name="Name">What was scored.</param>
/// <param name="Kind">baseline, random weights, model, ensemble or best possible.</param>
/// <param name="Color">Number of the colour.</param>
/// <param name="Score">Spearman on test_b.</param>
public sealed record StandingRow(string Name, string Kind, int Color, double Score)
{
    internal const string Baseline = "baseline", Random = "random weights", Model = "model", Ensemble = "ensemble", BestPossible = "best possible";

    internal static string RandomOf(string model) => $"{model}, untrained";
}

/// <summary>One run.</summary>
public sealed record RunSummary
{
    /// <summary>Name in the report.</summary>
    public required string Name { get; init; }

    /// <summary>The model or, if runs are compared, the folder.</summary>
    public required string Group { get; init; }

    /// <summary>Number of the group's colour.</summary>
    public required int Color { get; init; }

    /// <summary>pretrain or finetune.</summary>
    public required string Stage { get; init; }

    /// <summary>Name of the model.</summary>
    public required string Model { get; init; }

    /// <summary>Fold of a finetuning.</summary>
    public required int? Fold { get; init; }

    /// <summary>Name of the preset.</summary>
    public required string? Preset { get; init; }

    /// <summary>Key of the random numbers.</summary>
    public required string? Seed { get; init; }

    /// <summary>Version of the program that began the run.</summary>
    public required string? Version { get; init; }

    /// <summary>Full path of the folder.</summary>
    public required string Folder { get; init; }

    /// <summary>Steps planned.</summary>
    public required long Steps { get; init; }

    /// <summary>Steps done, as far as lines were written.</summary>
    public required long Done { get; init; }

    /// <summary>Whether the run has ended.</summary>
    public required bool Complete { get; init; }

    /// <summary>The first logged loss.</summary>
    public required double? FirstLoss { get; init; }

    /// <summary>The last logged loss.</summary>
    public required double? LastLoss { get; init; }

    /// <summary>Validation before training.</summary>
    public required double? StartValidation { get; init; }

    /// <summary>The best validation; that of step 0 only in a finetuning, as its weights are trained ones.</summary>
    public required double? BestValidation { get; init; }

    /// <summary>Its step; the last one of equal scores.</summary>
    public required long? BestStep { get; init; }

    /// <summary>Number of validations.</summary>
    public required int Validations { get; init; }

    /// <summary>The last validation.</summary>
    public required double? LastValidation { get; init; }

    /// <summary>Lower end of the bootstrap interval of the newest validation.</summary>
    public required double? IntervalLow { get; init; }

    /// <summary>Upper end.</summary>
    public required double? IntervalHigh { get; init; }

    /// <summary>Pairs of the newest validation.</summary>
    public required int Pairs { get; init; }

    /// <summary>Score on test_b in a reproduction.</summary>
    public required double? TestScore { get; init; }

    /// <summary>The embeddings of the newest validation.</summary>
    public required EmbeddingHealth? Health { get; init; }

    /// <summary>Resumes, rollbacks, early stopping, a stop by a value that was not finite.</summary>
    public required IReadOnlyList<RunEvent> Events { get; init; }

    /// <summary>Whether a value that was not finite stopped the run.</summary>
    internal bool IsStopped => Events.Any(static happened => happened.Kind == RunEvent.NotFinite);

    /// <summary>The starts and resumes.</summary>
    public required IReadOnlyList<SessionRow> Sessions { get; init; }
}

/// <summary>Curves of one measure.</summary>
/// <param name="Stage">pretrain or finetune.</param>
/// <param name="Measure">The key of the values.</param>
/// <param name="Runs">Number of runs that have the measure.</param>
/// <param name="Lines">Their curves, equal ones once.</param>
/// <param name="Events">Resumes and rollbacks of these runs.</param>
public sealed record CurveFigure(string Stage, string Measure, int Runs, IReadOnlyList<CurveLine> Lines, IReadOnlyList<RunEvent> Events);

/// <summary>The curve of one run, with few enough points to draw them.</summary>
/// <param name="Run">Name of the run.</param>
/// <param name="Group">Its group.</param>
/// <param name="Color">Number of the group's colour.</param>
/// <param name="Steps">Steps.</param>
/// <param name="Values">Values.</param>
public sealed record CurveLine(string Run, string Group, int Color, IReadOnlyList<long> Steps, IReadOnlyList<double> Values);

/// <summary>The last validations of a group's folds.</summary>
/// <param name="Group">Name of the group.</param>
/// <param name="Color">Number of its colour.</param>
/// <param name="Runs">Number of folds.</param>
/// <param name="Scores">Their last validations.</param>
/// <param name="Mean">Mean.</param>
/// <param name="Deviation">Standard deviation of the sample; null for one fold.</param>
/// <param name="Lowest">Lowest.</param>
/// <param name="Highest">Highest.</param>
public sealed record FoldSpread(string Group, int Color, int Runs, IReadOnlyList<double> Scores, double Mean, double? Deviation, double Lowest, double Highest);

/// <summary>Time of a group's runs of one stage.</summary>
/// <param name="Group">Name of the group.</param>
/// <param name="Stage">pretrain or finetune.</param>
/// <param name="Runs">Number of runs.</param>
/// <param name="Time">Seconds of all these runs.</param>
/// <param name="InputShare">Share of the input.</param>
/// <param name="TrainShare">Share of the steps.</param>
/// <param name="ValidationShare">Share of the validations.</param>
/// <param name="SavingShare">Share of saving.</param>
/// <param name="OtherShare">The rest.</param>
/// <param name="MemoryBytes">Most memory of a run.</param>
public sealed record TimeBudget(string Group, string Stage, int Runs, TimeParts Time, double InputShare, double TrainShare, double ValidationShare, double SavingShare, double OtherShare, double? MemoryBytes);

/// <summary>Parts of a step, as a bench measured them.</summary>
/// <param name="Title">Model, stage, preset, device.</param>
/// <param name="MedianMilliseconds">Median time of a step.</param>
/// <param name="Parts">The kernels or parts with the most time.</param>
/// <param name="RestMilliseconds">Time of all others.</param>
public sealed record BenchParts(string Title, double? MedianMilliseconds, IReadOnlyList<BenchPart> Parts, double RestMilliseconds);

/// <summary>A part of a step.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Milliseconds">Its time.</param>
/// <param name="Share">Its share of all parts.</param>
public sealed record BenchPart(string Name, double Milliseconds, double Share);

/// <summary>JSON of a report.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ReportData))]
public sealed partial class ReportJson : JsonSerializerContext;
