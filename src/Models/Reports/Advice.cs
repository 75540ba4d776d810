namespace VideoSim.Models.Reports;

/// <summary>Rules that tell what to try next. Each has a limit, and nothing is said below it.</summary>
internal static class Advice
{
    private const double NormRatio = 1.5, InputShare = 0.3, SpikeRatio = 10, CollapsedCosine = 0.9, DuplicateShare = 0.05;

    // A loss of score that is more than the noise of a validation, and the part of a run that counts as its end.
    private const double LostScore = 0.005, GainedScore = 0.002, EndOfRun = 0.75, FarBefore = 0.7;
    private const int FewestValidations = 4;

    /// <summary>The sentences for a report.</summary>
    public static IEnumerable<Finding> For(ReportData data)
    {
        foreach (var rule in new Func<ReportData, IEnumerable<Finding>>[] { Norms, Overfitting, StillRising, Spikes, Input, Collapse, Unfinished })
        {
            foreach (var finding in rule(data))
                yield return finding;
        }
    }

    private static IEnumerable<Finding> Norms(ReportData data)
    {
        // Those of test_b are in the ensemble; without them those of the validations.
        (string Name, double Norm)[] norms = data.Ensemble is { } ensemble ? [.. ensemble.Members.Select(static member => (member.Model, member.MeanNorm))]
            : [.. from run in data.Runs where run is { Stage: "finetune", Health: not null } group run by run.Model into model select (model.Key, model.Average(static run => run.Health!.NormMean))];
        if (norms.Length < 2)
            yield break;
        var (shortest, longest) = (norms.MinBy(static model => model.Norm), norms.MaxBy(static model => model.Norm));
        if (shortest.Norm > 0 && longest.Norm / shortest.Norm > NormRatio)
            yield return Finding.Of($"Embeddings of {longest.Name} are {Figure.Ratio(longest.Norm / shortest.Norm)} times as long as those of {shortest.Name}, so {longest.Name} has more influence on a sum than its weight says. Compare with ensemble --normalize.");
    }

    private static IEnumerable<Finding> Overfitting(ReportData data)
    {
        foreach (var group in Groups(data, static run => run.BestStep <= FarBefore * run.Done && run.BestValidation - run.LastValidation > LostScore && run.Done > 0))
        {
            var worst = group.MaxBy(static run => run.BestValidation - run.LastValidation)!;
            yield return worst.BestStep == 0
                ? Finding.Of($"{Of(data, group)}, no validation is better than the one before training: {worst.Name} falls from {Figure.Score(worst.BestValidation!.Value)} to {Figure.Score(worst.LastValidation!.Value)}. Try a lower --learning-rate.")
                : Finding.Of($"{Of(data, group)}, the best validation is far before the end: {worst.Name} has {Figure.Score(worst.BestValidation!.Value)} at step {Figure.Count(worst.BestStep!.Value)} and {Figure.Score(worst.LastValidation!.Value)} at the end. This is overfitting. Stop with --early-stopping-patience, or use the model in best.");
        }
    }

    private static IEnumerable<Finding> StillRising(ReportData data)
    {
        var lines = data.Curves.Where(static figure => figure.Measure == RunReader.Validation).SelectMany(static figure => figure.Lines).ToDictionary(static line => line.Run);
        foreach (var group in Groups(data, run => run.Complete && lines.TryGetValue(run.Name, out var line) && Rise(line) > GainedScore))
        {
            var most = group.MaxBy(run => Rise(lines[run.Name]))!;
            yield return Finding.Of($"{Of(data, group)}, the validation is still rising at the end: {most.Name} gained {Figure.Score(Rise(lines[most.Name]))} in the last quarter. Train longer with --max-steps.");
        }

        // What the end of a run gained, if its last validation is its best.
        static double Rise(CurveLine line)
        {
            if (line.Values.Count < FewestValidations || line.Values[^1] < line.Values.Max())
                return 0;
            double from = EndOfRun * line.Steps[^1];
            int before = Enumerable.Range(0, line.Steps.Count).Last(i => line.Steps[i] <= from);
            return line.Values[^1] - line.Values[before];
        }
    }

    private static IEnumerable<Finding> Spikes(ReportData data)
    {
        var lines = data.Curves.Where(static figure => figure.Measure == RunReader.GradientNorm).SelectMany(static figure => figure.Lines).ToDictionary(static line => line.Run);
        foreach (var group in Groups(data, static run => run.Events.Any(static happened => happened.Kind == "rollback")))
            yield return Finding.Of($"{Of(data, group)}, the run was rolled back because a value was not finite. Limit the gradient with --max-grad-norm, or lower --learning-rate.");
        foreach (var group in Groups(data, run => lines.TryGetValue(run.Name, out var line) && Spike(line) > SpikeRatio && !run.Events.Any(static happened => happened.Kind == "rollback")))
        {
            var most = group.MaxBy(run => Spike(lines[run.Name]))!;
            yield return Finding.Of($"{Of(data, group)}, the gradient norm has spikes: in {most.Name} the largest is {Figure.Ratio(Spike(lines[most.Name]))} times the median. Limit it with --max-grad-norm.");
        }

        static double Spike(CurveLine line)
        {
            double[] sorted = [.. line.Values.Order()];
            double median = sorted[sorted.Length / 2];
            return sorted.Length > FewestValidations && median > 0 ? sorted[^1] / median : 0;
        }
    }

    private static IEnumerable<Finding> Input(ReportData data) => data.Times.Where(static time => time.InputShare > InputShare)
        .Select(static time => Finding.Of($"The {time.Stage} of {time.Group} waits for input {Figure.Percent(time.InputShare)} of its time. Give it more processor cores or a faster disk."));

    private static IEnumerable<Finding> Collapse(ReportData data)
    {
        foreach (var group in Groups(data, static run => run.Health is { } health && (health.MeanCosine > CollapsedCosine || health.NearDuplicates > DuplicateShare * health.Videos)))
        {
            var worst = group.MaxBy(static run => run.Health!.MeanCosine)!;
            yield return Finding.Of($"{Of(data, group)}, embeddings lie close together: in {worst.Name} two videos have a mean cosine of {Figure.Score(worst.Health!.MeanCosine)}, and {Figure.Count(worst.Health.NearDuplicates)} of {Figure.Count(worst.Health.Videos)} have a near-duplicate. Train longer, or check for duplicate videos.");
        }
    }

    private static IEnumerable<Finding> Unfinished(ReportData data)
    {
        int open = data.Runs.Count(static run => !run.Complete);
        if (open > 0)
            yield return Finding.Of($"{Figure.Count(open)} of {Figure.Count(data.Runs.Count)} {(data.Runs.Count == 1 ? "run has" : "runs have")} not ended. If it is not running now, the same command continues it.");
    }

    private static IEnumerable<IGrouping<(string, string), RunSummary>> Groups(ReportData data, Func<RunSummary, bool> fires) => data.Runs.Where(fires).GroupBy(static run => (run.Group, run.Stage));

    // In mix fold 3; in 4 of 11 folds of mix.
    private static string Of(ReportData data, IGrouping<(string Group, string Stage), RunSummary> runs)
    {
        int all = data.Runs.Count(run => (run.Group, run.Stage) == runs.Key);
        return all == 1 ? $"In {runs.First().Name}" : $"In {runs.Count()} of {all} folds of {runs.Key.Group}";
    }
}
