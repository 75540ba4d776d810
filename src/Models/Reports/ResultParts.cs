using VideoSim.Models.Metrics;

namespace VideoSim.Models.Reports;

/// <summary>The parts of the page with scores.</summary>
internal static class ResultParts
{
    private const int MostOpenRows = 24;
    private const string Neutral = "cx", Strong = "ct", None = "\u2013";

    /// <summary>The score beside baselines and the best possible one.</summary>
    public static void Standing(Html html, string id, string name, ReportData data)
    {
        if (data.Standing.Count == 0)
            return;
        html.Section(id, name, "Scores on test_b beside baselines");
        html.Figure(new RowChart
        {
            Label = "Spearman on test_b of baselines, models, the ensemble and the best possible similarities",
            XTitle = "Spearman on test_b",
            Rows = [.. data.Standing.Select(static row => new ChartRow(row.Name, Figure.Score(row.Score).Text, row.Kind switch { "model" => LineChart.ColorClass(row.Color), "ensemble" => Strong, _ => Neutral }, [row.Score]))],
        }.Draw(), "Spearman on test_b, the labelled pairs that no training reads. The linear probe is a linear map of the mean frame and the title's characters, trained on the labelled pairs", "wide");
        html.EndSection();
    }

    /// <summary>Validations of the folds.</summary>
    public static void Folds(Html html, string id, string name, ReportData data)
    {
        if (data.Folds.Count == 0 || data.Folds.Sum(static group => group.Runs) == 1)
            return;
        html.Section(id, name, data.Findings[id].Text).Raw("<div class=\"side\">");
        html.Figure(new RowChart
        {
            Label = "Last validation of each fold by model",
            XTitle = "validation after the last step, Spearman",
            Rows = [.. data.Folds.Select(static group => new ChartRow(group.Group, Figure.Score(group.Mean).Text, LineChart.ColorClass(group.Color), group.Scores)
            {
                Mean = group.Runs > 1 ? group.Mean : null,
                Band = group.Deviation is { } deviation ? (group.Mean - deviation, group.Mean + deviation) : null,
            })],
        }.Draw(), "A dot for each fold; line and number: mean; band: one standard deviation", "wide");
        html.Table("Validation of folds", ["Model", "#Folds", "#Mean", "#Standard deviation", "#Lowest", "#Highest"], data.Folds.Select(static group => (IReadOnlyList<string>)
            [Html.Foreign(group.Group), Figure.Count(group.Runs).Text, Figure.Score(group.Mean).Text, Score(group.Deviation), Figure.Score(group.Lowest).Text, Figure.Score(group.Highest).Text]));
        html.Raw("</div>").EndSection();
    }

    /// <summary>All runs.</summary>
    public static void Runs(Html html, string id, string name, ReportData data)
    {
        int complete = data.Runs.Count(static run => run.Complete);
        html.Section(id, name, complete == data.Runs.Count ? (complete == 1 ? "The run is complete" : "All runs are complete")
            : complete == 0 ? (data.Runs is [var only] ? (only.IsStopped ? "The run stopped" : "The run has not ended") : "No run has ended") : "Some runs have not ended");
        bool hasTest = data.Runs.Any(static run => run.TestScore is not null);
        string[] headers = ["Run", "#Steps", "#Loss", "#Validation at start", "#Best", "#at step", "#Last", $"#{Figure.Percent(data.IntervalLevel)} interval of the last, low", "#High", .. hasTest ? ["#test_b"] : Array.Empty<string>(), "State"];
        html.Table("Runs", headers, data.Runs.Select(run => (IReadOnlyList<string>)
        [
            Html.Foreign(run.Name), Figure.Count(run.Done).Text, run.LastLoss is { } loss ? Figure.Quantity(loss).Text : None, Score(run.StartValidation), Score(run.BestValidation),
            run.BestStep is { } step ? Figure.Count(step).Text : None, Score(run.LastValidation), Score(run.IntervalLow), Score(run.IntervalHigh),
            .. hasTest ? [Score(run.TestScore)] : Array.Empty<string>(),
            run.Complete && run.Done == run.Steps ? "complete" : $"{(run.Complete ? "stopped early" : run.IsStopped ? "stopped, not finite" : "not ended")}, of {Figure.Count(run.Steps)} steps",
        ]), folded: data.Runs.Count > MostOpenRows);
        html.EndSection();
    }

    /// <summary>The ensemble without each of its models.</summary>
    public static void Ensemble(Html html, string id, string name, ReportData data)
    {
        if (data.Ensemble is not { } ensemble)
            return;
        html.Section(id, name, data.Findings[id].Text).Raw("<div class=\"side\">");
        if (ensemble.Members.Any(static member => member.Contribution is not null))
        {
            html.Figure(new RowChart
            {
                Label = "Loss of the ensemble's score without each model",
                XTitle = "Spearman on test_b lost without the model",
                Rows = [.. ensemble.Members.Select(static member => new ChartRow(member.Model, Score(member.Contribution), LineChart.ColorClass(member.Color), [])
                {
                    Bars = [(member.Contribution ?? 0, $"f {LineChart.ColorClass(member.Color)}", member.Model)],
                })],
            }.Draw(), "What the ensemble loses without a model; a bar to the left: the model does harm", "wide");
        }
        html.Table("Models of the ensemble", ["Model", "#Weight", "#Mean length of embeddings", "#Score alone", "#Without it", "#Gain"], ensemble.Members.Select(static member => (IReadOnlyList<string>)
            [Html.Foreign(member.Model), Figure.Quantity(member.Weight).Text, Figure.Quantity(member.MeanNorm).Text, Score(member.Alone), Score(member.Without), Score(member.Contribution)]));
        html.Raw("</div>");
        if (ensemble is { Spearman: { } raw, NormalizedSpearman: { } normalized })
            html.Paragraph($"The sum of raw embeddings, as published, scores {Figure.Score(raw)}. The sum of embeddings of unit length scores {Figure.Score(normalized)}.", "quiet");
        html.EndSection();
    }

    /// <summary>The pairs with the largest difference of ranks.</summary>
    public static void Pairs(Html html, string id, string name, ReportData data)
    {
        if (data.WorstPairs.Count == 0)
            return;
        html.Section(id, name, data.Findings[id].Text);
        html.Paragraph("Rank is the share of pairs with a smaller value; a pair with an equal value counts half. A pair is wrong if its cosine and its label have different ranks. Cosine and its rank are means over the runs that validated the pair.", "quiet");
        if (data.WorstPairs.All(static pair => pair.LeftTitle is null && pair.RightTitle is null))
            html.Paragraph("Only ids are shown, because the folder of the data is not there.", "quiet");
        html.Table("Pairs that are ranked most wrongly", ["Videos", "#Label", "#Cosine", "#Rank of label", "#Rank of cosine", "#Difference"], data.WorstPairs.Select(static pair => (IReadOnlyList<string>)
        [
            $"<div class=\"titles\">{Video(pair.LeftTitle, pair.Left)}{Video(pair.RightTitle, pair.Right)}</div>", Figure.Score(pair.Label).Text, Figure.Score(pair.Cosine).Text,
            Figure.Share(pair.LabelRank).Text, Figure.Share(pair.CosineRank).Text, Figure.Share(pair.Difference).Text,
        ]));
        html.EndSection();

        static string Video(string? title, string id) => title is null ? Html.Foreign(id) : $"{(string.IsNullOrWhiteSpace(title) ? "(no title)" : Html.Foreign(title))}<small>{Html.Foreign(id)}</small>";
    }

    /// <summary>Lengths, ranks and near-duplicates of embeddings.</summary>
    public static void Health(Html html, string id, string name, ReportData data)
    {
        var healthy = data.Runs.Where(static run => run.Health is not null).ToList();
        if (healthy.Count == 0)
            return;
        html.Section(id, name, data.Findings[id].Text);
        html.Paragraph($"Embeddings of the newest validation of each run. The effective rank is the number of directions that the embeddings use. The mean cosine is that of two different videos. A video has a near-duplicate if another one has a cosine above {Figure.Quantity(data.NearDuplicateCosine)}.", "quiet");
        html.Table("Embeddings of each run", ["Run", "#Videos", "#Mean length", "#Standard deviation of length", "#Shortest", "#Longest", "#Effective rank", "#of", "#Mean cosine", "#Near-duplicates"], healthy.Select(static run => Row(run.Name, run.Health!)),
            folded: healthy.Count > MostOpenRows);
        html.EndSection();
    }

    private static IReadOnlyList<string> Row(string name, EmbeddingHealth health) =>
    [
        Html.Foreign(name), Figure.Count(health.Videos).Text, Figure.Quantity(health.NormMean).Text, Figure.Quantity(health.NormDeviation).Text, Figure.Quantity(health.NormMin).Text,
        Figure.Quantity(health.NormMax).Text, Figure.Ratio(health.EffectiveRank).Text, Figure.Count(health.Width).Text, Figure.Score(health.MeanCosine).Text, Figure.Count(health.NearDuplicates).Text,
    ];

    private static string Score(double? value) => value is { } known ? Figure.Score(known).Text : None;
}
