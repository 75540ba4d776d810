using VideoSim.Models.Submissions;
using VideoSim.Models.Training;
using VideoSim.Models.Zoo;

namespace VideoSim.Models.Reports;

/// <summary>What one model gives to the ensemble.</summary>
/// <param name="Model">Name of the model.</param>
/// <param name="Color">Number of its colour.</param>
/// <param name="Weight">Its published weight.</param>
/// <param name="MeanNorm">Mean length of its embeddings, the mean of all folds.</param>
/// <param name="Alone">Its score alone.</param>
/// <param name="Without">Score of the ensemble without it; null for the only model.</param>
/// <param name="Contribution">Score of the ensemble minus <paramref name="Without"/>.</param>
public sealed record EnsembleMember(string Model, int Color, double Weight, double MeanNorm, double? Alone, double? Without, double? Contribution);

/// <summary>
/// The published ensemble of a reproduction, and the ensembles without one of its models. All scores are Spearman on
/// test_b.
/// </summary>
/// <param name="Spearman">Score of the sum of raw embeddings; null without labels.</param>
/// <param name="NormalizedSpearman">Score of the sum of embeddings of length 1.</param>
/// <param name="Members">The models.</param>
public sealed record EnsembleShares(double? Spearman, double? NormalizedSpearman, IReadOnlyList<EnsembleMember> Members)
{
    /// <summary>Computes it from the embeddings of a reproduction's folder.</summary>
    /// <param name="source">The reproduction; all its models are done.</param>
    /// <param name="colors">Numbers of the models' colours.</param>
    /// <param name="cancellation">Stops between models.</param>
    /// <exception cref="Engine.DataException">A file of embeddings or labels is missing or damaged.</exception>
    internal static EnsembleShares Of(RunSource source, IReadOnlyDictionary<string, int> colors, CancellationToken cancellation)
    {
        var summary = source.Reproduction!;
        var members = new List<(string Model, EmbeddingTable Table, double Weight)>();
        foreach (var (model, result) in summary.Models)
        {
            cancellation.ThrowIfCancellationRequested();
            var folds = result.Folds.Select(fold => Path.Combine(source.Folder, model, "embeddings", $"fold-{fold.Fold}.zip"));
            members.Add((model, Ensemble.Mean(SubmissionFile.ReadEach(folds)), ModelZoo.Find(model).EnsembleWeight));
        }
        string? labels = source.Data?.TestLabels("b");
        bool skips = source.Arguments!["skip_bad_records"]?.GetValueKind() == System.Text.Json.JsonValueKind.True;
        double? score = Score(members, normalize: false);
        return new EnsembleShares(score, Score(members, normalize: true), [.. members.Select(member =>
        {
            cancellation.ThrowIfCancellationRequested();
            double? without = members.Count > 1 ? Score([.. members.Where(other => other.Model != member.Model)], normalize: false) : null;
            return new EnsembleMember(member.Model, colors.GetValueOrDefault(member.Model), member.Weight, Ensemble.MeanNorm(member.Table), Score([member], normalize: false), without, score - without);
        })]);

        double? Score(IReadOnlyList<(string, EmbeddingTable Table, double Weight)> some, bool normalize) => labels is null || !File.Exists(labels) ? null
            : Scoring.Spearman(Ensemble.WeightedSum(some.Select(static member => (member.Table, member.Weight)), normalize), labels, skips);
    }
}
