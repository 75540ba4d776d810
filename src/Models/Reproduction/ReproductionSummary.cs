using System.Text.Json.Serialization;
using VideoSim.Models.Baselines;

namespace VideoSim.Models.Reproduction;

/// <summary>
/// Result of <c>reproduce</c>, as in summary.json. All scores are Spearman on test_b unless the name says otherwise.
/// They are null, and missing in the file, if test_b has no labels or the score is undefined.
/// </summary>
public sealed record ReproductionSummary
{
    /// <summary>Results of each model by name.</summary>
    public required IReadOnlyDictionary<string, ModelSummary> Models { get; init; }

    /// <summary>Scores of methods without a deep model.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public required BaselineScores? Baselines { get; init; }

    /// <summary>The submission in result.zip.</summary>
    public required EnsembleSummary Ensemble { get; init; }

    /// <summary>Score of the noise-free similarities; null for data without truth.json.</summary>
    public double? BestPossibleSpearman { get; init; }
}

/// <summary>Results of one model.</summary>
public sealed record ModelSummary
{
    /// <summary>With random initial weights.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public required double? RandomSpearman { get; init; }

    /// <summary>After pretraining.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public required double? PretrainSpearman { get; init; }

    /// <summary>After finetuning on each fold.</summary>
    public required IReadOnlyList<FoldSummary> Folds { get; init; }

    /// <summary>With the mean embedding of all folds.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public required double? TestSpearman { get; init; }
}

/// <summary>Result of one fold.</summary>
/// <param name="Fold">1 to 11.</param>
/// <param name="ValSpearman">On the fold's validation pairs; null if undefined.</param>
/// <param name="TestSpearman">On test_b.</param>
public sealed record FoldSummary(int Fold, double? ValSpearman, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] double? TestSpearman);

/// <summary>The weighted sum of the models' mean embeddings (docs/reference-system.md, section 7.3).</summary>
/// <param name="TestSpearman">Score of raw embeddings, as in result.zip.</param>
/// <param name="NormalizedTestSpearman">Score of embeddings scaled to length 1 before they are weighted.</param>
/// <param name="Weights">Weight of each model.</param>
/// <param name="MeanNorms">
/// Mean length of each model's raw embeddings. A model's influence is its weight times this length.
/// </param>
public sealed record EnsembleSummary(
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] double? TestSpearman,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] double? NormalizedTestSpearman,
    IReadOnlyDictionary<string, double> Weights, IReadOnlyDictionary<string, double> MeanNorms);
