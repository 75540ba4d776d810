namespace VideoSim.Models.Reports;

/// <summary>Sentences that say what the numbers of each part show. The page uses them as headings.</summary>
internal static class Findings
{
    /// <summary>A report with its sentences.</summary>
    /// <param name="data">The numbers.</param>
    /// <param name="only">The folder of the report if it is the only one.</param>
    public static ReportData AddTo(ReportData data, RunSource? only)
    {
        var (verdict, details) = VerdictOf(data, only);
        return data with { Verdict = verdict, Details = details, Findings = new SortedDictionary<string, Finding>(Parts(data).ToDictionary(), StringComparer.Ordinal) };
    }

    private static (Finding, IReadOnlyList<Finding>) VerdictOf(ReportData data, RunSource? only)
    {
        var details = new List<Finding>();
        if (Find(data, "ensemble") is { } ensemble)
            return (Ensemble(data, ensemble, details), details);
        var finetunings = data.Runs.Where(static run => run is { Stage: "finetune", LastValidation: not null }).ToList();
        var runs = finetunings.Count > 0 ? finetunings : [.. data.Runs.Where(static run => run.LastValidation is not null)];
        if (only is { IsReproduction: true })
        {
            details.Add(Finding.Of(only.Reproduction is null ? (FormattableString)$"The reproduction is not done: it has no summary.json yet." : $"There are no labels of test_b, so the ensemble has no score."));
        }
        Finding verdict;
        if (data.Runs is [{ IsStopped: true } stopped])
        {
            verdict = Finding.Of($"{stopped.Name} stopped because a value was not finite");
            details.Add(Finding.Of($"It {stopped.Events.Last(static happened => happened.Kind == RunEvent.NotFinite).Text}."));
        }
        else if (runs.Count == 0)
        {
            var run = data.Runs[0];
            verdict = data.Runs.Count > 1 ? Finding.Of($"{Figure.Count(data.Runs.Count)} runs, not validated") : run.FirstLoss is { } first && run.LastLoss is { } last
                ? Finding.Of($"{run.Name}: the loss went from {Figure.Quantity(first)} to {Figure.Quantity(last)} in {Figure.Count(run.Done)} steps, without a validation") : Finding.Of($"{run.Name}: nothing was logged yet");
        }
        else if (runs.Count == 1)
        {
            var run = runs[0];
            verdict = Finding.Of($"{run.Name} has a validation of {Figure.Score(run.LastValidation!.Value)} {(run.Complete ? "after its" : "so far, after")} {Figure.Count(run.Done)} {(run.Done == 1 ? "step" : "steps")}");
            if (run is { IntervalLow: { } low, IntervalHigh: { } high })
                details.Add(Finding.Of($"The {Figure.Percent(data.IntervalLevel)} interval is {Figure.Score(low)} to {Figure.Score(high)}, from {Figure.Count(run.Pairs)} pairs."));
            if (run.StartValidation is { } start)
                details.Add(run is { BestValidation: { } best, BestStep: { } step } ? Finding.Of($"Before training it was {Figure.Score(start)}; the best is {Figure.Score(best)} at step {Figure.Count(step)}.") : Finding.Of($"Before training it was {Figure.Score(start)}."));
        }
        else
        {
            verdict = Comparison(runs);
        }
        if (only is not { IsReproduction: true })
            details.Add(Finding.Of($"There are no baselines and no best possible score here; reproduce computes them."));
        return (verdict, details);
    }

    // Folds have different pairs, so only the folds that all groups have are compared.
    private static Finding Comparison(List<RunSummary> runs)
    {
        var groups = runs.GroupBy(static run => run.Group).ToList();
        if (groups.Count == 1)
            return Finding.Of($"{groups[0].Key} has a mean validation of {Figure.Score(Mean(runs))} over {Figure.Count(runs.Count)} {(runs[0].Stage == "finetune" ? "folds" : "runs")}");
        int?[] common = [.. groups.Select(static group => group.Select(static run => run.Fold)).Aggregate(static (left, right) => left.Intersect(right)).Distinct()];
        if (common.Length == 0)
            return Finding.Of($"{Figure.Count(groups.Count)} groups of runs have no fold in common, so their validations are not compared");
        var means = groups.Select(group => (Name: group.Key, Mean: Mean(group.Where(run => common.Contains(run.Fold))))).ToList();
        double highest = means.Max(static group => group.Mean);
        string[] best = [.. means.Where(group => group.Mean == highest).Select(static group => group.Name)];
        string score = $"{(common.Length > 1 ? "mean " : "")}validation of {Figure.Score(highest)}";
        if (groups.Any(group => group.Count() > common.Length))
            score += common.Length == 1 ? $" on fold {common[0]}, the only one that all have" : $" on the {Figure.Count(common.Length)} folds that all have";
        string text = best.Length == means.Count ? $"{(means.Count == 2 ? "Both" : $"All {Figure.Count(means.Count)}")} groups of runs have the same {score}"
            : best.Length > 1 ? $"{best[0]} and {(best.Length == 2 ? best[1] : $"{Figure.Count(best.Length - 1)} more")} are the best of {Figure.Count(means.Count)}, each with a {score}"
            : $"{best[0]} is the best of {Figure.Count(means.Count)}, with a {score}";
        return new Finding(text, [highest, means.Count, common.Length]);

        static double Mean(IEnumerable<RunSummary> some) => some.Average(static run => run.LastValidation!.Value);
    }

    private static Finding Ensemble(ReportData data, StandingRow ensemble, List<Finding> details)
    {
        if (data.Standing.Where(static row => row.Kind == "baseline").MaxBy(static row => row.Score) is { } baseline)
        {
            double gain = ensemble.Score - baseline.Score;
            details.Add(Finding.Of($"That is {Figure.Score(Math.Abs(gain))} {(gain >= 0 ? "above" : "below")} the best baseline, {baseline.Name}, which has {Figure.Score(baseline.Score)}."));
        }
        if (Find(data, "best possible") is { } possible)
            details.Add(Finding.Of($"The best possible score is {Figure.Score(possible.Score)}, that of the similarities without noise; the ensemble is {Figure.Score(possible.Score - ensemble.Score)} below it."));
        if (data.Standing.Where(static row => row.Kind == "model").MaxBy(static row => row.Score) is { } model && data.Standing.Count(static row => row.Kind == "model") > 1)
        {
            double gain = ensemble.Score - model.Score;
            details.Add(Finding.Of($"The best model alone, {model.Name}, has {Figure.Score(model.Score)}: the ensemble {(gain >= 0 ? "gains" : "loses")} {Figure.Score(Math.Abs(gain))}."));
        }
        return Finding.Of($"The ensemble scores {Figure.Score(ensemble.Score)} on test_b");
    }

    private static StandingRow? Find(ReportData data, string kind) => data.Standing.FirstOrDefault(row => row.Kind == kind);

    private static IEnumerable<(string, Finding)> Parts(ReportData data)
    {
        foreach (string stage in new[] { "pretrain", "finetune" })
        {
            var losses = data.Runs.Where(run => run.Stage == stage && run is { FirstLoss: not null, LastLoss: not null }).ToList();
            if (losses.Count == 0)
                continue;
            double first = losses.Average(static run => run.FirstLoss!.Value), last = losses.Average(static run => run.LastLoss!.Value);
            yield return (stage, Finding.Of($"{(stage == "pretrain" ? "Pretraining" : "Finetuning")}: the loss {(last < first ? "falls" : "does not fall:")} {(losses.Count > 1 ? "on average " : "")}from {Figure.Quantity(first)} to {Figure.Quantity(last)}"));
        }
        if (data.Folds.Count > 0)
        {
            var widest = data.Folds.MaxBy(static group => group.Highest - group.Lowest)!;
            yield return ("folds", data.Folds.All(static group => group.Runs == 1) ? Finding.Of($"One fold each: no spread is known")
                : Finding.Of($"Folds of {widest.Group} differ by {Figure.Score(widest.Highest - widest.Lowest)}"));
        }
        if (data.Ensemble is { } ensemble)
        {
            yield return ("ensemble", ensemble.Members.MaxBy(static member => member.Contribution) is not { Contribution: { } gain } most ? Finding.Of($"{(ensemble.Members.Count == 1 ? "One model, so nothing can be left out" : "No scores, because there are no labels of test_b")}")
                : gain > 0 ? Finding.Of($"{most.Model} contributes most: without it the ensemble loses {Figure.Score(gain)}") : Finding.Of($"No model helps: the ensemble is as good without any one of them"));
        }
        if (data.Reliability.Count > 0)
        {
            var best = data.Reliability.MaxBy(static curve => curve.Spearman)!;
            yield return ("reliability", Finding.Of($"Cosines of {best.Group} put pairs in the order of their labels with a Spearman of {Figure.Score(best.Spearman)} (of at most 1; {Figure.Percent(data.IntervalLevel)} interval {Figure.Score(best.Low)} to {Figure.Score(best.High)})"));
        }
        if (data.WorstPairs.Count > 0)
            yield return ("pairs", Finding.Of($"The {Figure.Count(data.WorstPairs.Count)} pairs that are ranked most wrongly"));
        if (data.Runs.Select(static run => run.Health).OfType<Metrics.EmbeddingHealth>().ToList() is { Count: > 0 } healths)
        {
            var (least, most) = (Figure.Ratio(healths.Min(static health => health.EffectiveRank)), Figure.Ratio(healths.Max(static health => health.EffectiveRank)));
            // Runs share videos, so their near-duplicates cannot be added.
            var (width, near) = (Figure.Count(healths.MinBy(static health => health.EffectiveRank)!.Width), Figure.Count(healths.Max(static health => health.NearDuplicates)));
            yield return ("health", healths.Count == 1 ? Finding.Of($"Embeddings use {least} of {width} dimensions; {near} near-duplicates")
                : healths.DistinctBy(static health => health.Width).Count() > 1 ? Finding.Of($"Embeddings use {least} of {width} dimensions or more; at most {near} near-duplicates in a run")
                : least.Text == most.Text ? Finding.Of($"Embeddings use {least} of {width} dimensions; at most {near} near-duplicates in a run") : Finding.Of($"Embeddings use {least} to {most} of {width} dimensions; at most {near} near-duplicates in a run"));
        }
        if (data.Times.Count > 0)
        {
            double total = data.Times.Sum(static time => time.Time.Total), train = data.Times.Sum(static time => time.Time.Train);
            yield return ("time", Finding.Of($"{Figure.Percent(train / total)} of {Figure.Duration(total)} are training steps"));
        }
    }
}
