using System.Globalization;
using System.Text;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Reproduction;

namespace VideoSim.Tables.Pages;

/// <summary>Scores of the six models, from the summary of <c>reproduce --seed 1</c>.</summary>
internal static class ScoresTable
{
    private const string Summary = "reproduce/seed-1.json";

    /// <summary>The table and the sentences below it; null if the folder has no such summary.</summary>
    /// <exception cref="DataException">
    /// The summary is wrong or lacks scores; the message names file and field.
    /// </exception>
    public static string? Of(string folder)
    {
        string file = Path.Combine(folder, Summary);
        if (!File.Exists(file))
            return null;
        var summary = JsonFile.Read(file, ReproductionJson.Default.ReproductionSummary);
        var text = new StringBuilder("""
            | Model | random weights | pretrained | one fold | mean of 2 folds |
            | --- | ---: | ---: | ---: | ---: |
            """);
        foreach (var (name, model) in summary.Models)
        {
            text.Append($"\n| `{name}` | {Score(model.RandomSpearman, "random_spearman")} | {Score(model.PretrainSpearman, "pretrain_spearman")} | ")
                .Append($"{Score(model.Folds is [var first, ..] ? first.TestSpearman : null, "folds")} | {Score(model.TestSpearman, "test_spearman")} |");
        }
        var (ensemble, baselines) = (summary.Ensemble, summary.Baselines);
        text.Append($"\n\nThe ensemble reaches **{Score(ensemble.TestSpearman, "ensemble")}**. It reaches {Score(ensemble.NormalizedTestSpearman, "ensemble")} if all embeddings are scaled to length 1 first. ")
            .Append($"The best possible score is {Score(summary.BestPossibleSpearman, "best_possible_spearman")}: that of the true similarities, because the labels have noise. ")
            .Append($"Baselines: cosine of mean frames {Score(baselines?.MeanFrameCosine, "baselines")}, overlap of titles {Score(baselines?.TitleOverlap, "baselines")}, ")
            .Append($"a linear map trained on the same pairs {Score(baselines?.LinearProbe, "baselines")}.");
        return text.ToString();

        string Score(double? score, string field) => score?.ToString("0.000", CultureInfo.InvariantCulture) ?? throw new DataException($"{file}: lacks a score of '{field}'");
    }
}
