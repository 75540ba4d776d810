using VideoSim.Models.Configuration;

namespace VideoSim.Models.Reports;

/// <summary>
/// Rules that tell what to try next, the most important first. Each has a limit, and nothing is said below it. A rule
/// gives one sentence for all runs that it finds.
/// </summary>
internal static class Advice
{
    private const double NormRatio = 1.5, InputShare = 0.3, SpikeRatio = 10, CollapsedCosine = 0.9, DuplicateShare = 0.05;

    // A loss of score that is more than the noise of a validation, and the part of a run that counts as its end.
    private const double LostScore = 0.005, GainedScore = 0.002, EndOfRun = 0.75, FarBefore = 0.7;
    private const int FewestValidations = 4, MostNamedRuns = 6;

    /// <summary>The sentences for a report.</summary>
    /// <param name="data">The numbers.</param>
    /// <param name="isReproduction">Whether runs are those of a reproduction, which takes keys for options.</param>
    public static IEnumerable<Finding> For(ReportData data, bool isReproduction)
    {
        foreach (var finding in Below(data))
            yield return finding;
        foreach (var finding in Unstable(data, Options))
            yield return finding;
        foreach (var rule in new Func<ReportData, Func<IEnumerable<RunSummary>, string, string>, IEnumerable<Finding>>[] { Collapse, Overfitting, StillRising })
        {
            foreach (var finding in rule(data, Options))
                yield return finding;
        }
        foreach (var finding in Norms(data).Concat(Input(data)).Concat(Unfinished(data)))
            yield return finding;

        // How to set a key of the runs' stages.
        string Options(IEnumerable<RunSummary> runs, string key) => isReproduction
            ? string.Join(" and ", runs.Select(static run => run.Stage).Distinct().OrderDescending(StringComparer.Ordinal).Select(stage => ConfigKeys.OptionOf(key, stage)))
            : ConfigKeys.OptionOf(key, stage: null);
    }

    private static IEnumerable<Finding> Below(ReportData data)
    {
        if (data.Standing.Where(static row => row.Kind == StandingRow.Baseline).MaxBy(static row => row.Score) is { } baseline
            && data.Standing.Where(row => row.Kind is StandingRow.Model or StandingRow.Ensemble && row.Score < baseline.Score).ToList() is { Count: > 0 } worse)
        {
            yield return Finding.Of($"Below the best baseline, {baseline.Name} with {Figure.Score(baseline.Score)}: {string.Join(", ", worse.Select(static row => $"{row.Name} with {Figure.Score(row.Score)}"))}. Embeddings are of use only above it. Train longer, and look at the validation's curve.");
        }
        var fallen = (from random in data.Standing
                      where random.Kind == StandingRow.Random
                      from model in data.Standing
                      where model.Kind == StandingRow.Model && random.Name == StandingRow.RandomOf(model.Name) && model.Score < random.Score
                      select $"{model.Name} with {Figure.Score(model.Score)}, before {Figure.Score(random.Score)}").ToList();
        if (fallen.Count > 0)
            yield return Finding.Of($"Below their own random weights: {string.Join("; ", fallen)}. The training made these models worse. Try a lower rate, and check labels and tags of the data.");
    }

    private static IEnumerable<Finding> Norms(ReportData data)
    {
        // Those of test_b are in the ensemble; without them those of the validations.
        (string Name, double Norm)[] norms = data.Ensemble is { } ensemble ? [.. ensemble.Members.Select(static member => (member.Model, member.MeanNorm))]
            : [.. from run in data.Runs where run is { Stage: "finetune", Health: not null } group run by run.Model into model select (model.Key, model.Average(static run => run.Health!.NormMean))];
        if (norms.Length < 2)
            yield break;
        var (shortest, longest) = (norms.MinBy(static model => model.Norm), norms.MaxBy(static model => model.Norm));
        if (!(shortest.Norm > 0 && longest.Norm / shortest.Norm > NormRatio))
            yield break;
        var ratio = Finding.Of($"Embeddings of {longest.Name} are {Figure.Ratio(longest.Norm / shortest.Norm)} times as long as those of {shortest.Name}, so {longest.Name} has more influence on a sum than its weight says.");
        if (data.Ensemble is { Spearman: { } raw, NormalizedSpearman: { } normalized })
        {
            // The page has both scores, so there is something to do only if the other one is better.
            if (normalized > raw)
                yield return Joined(ratio, Finding.Of($"Use ensemble --normalize: it scores {Figure.Score(normalized)}, not {Figure.Score(raw)}."));
        }
        else
        {
            yield return Joined(ratio, Finding.Of($"Compare with ensemble --normalize."));
        }
    }

    private static IEnumerable<Finding> Overfitting(ReportData data, Func<IEnumerable<RunSummary>, string, string> options)
    {
        var runs = data.Runs.Where(static run => run.Validations >= FewestValidations && run.BestStep <= FarBefore * run.Done && Lost(run) > Math.Max(LostScore, HalfInterval(run))).ToList();
        var fromStart = runs.Where(static run => run.BestStep == 0).ToList();
        if (fromStart.MaxBy(Lost) is { } fallen)
            yield return Finding.Of($"{In(fromStart)}, no validation is better than the one before training: {fallen.Name} falls from {Figure.Score(fallen.BestValidation!.Value)} to {Figure.Score(fallen.LastValidation!.Value)}. Try a lower {options(fromStart, "rate")}.");
        runs = [.. runs.Where(static run => run.BestStep > 0)];
        if (runs.MaxBy(Lost) is { } worst)
        {
            yield return Joined(Finding.Of($"{In(runs)}, the best validation is far before the {(worst.Complete ? "end" : "last")}: {worst.Name} has {Figure.Score(worst.BestValidation!.Value)} at step {Figure.Count(worst.BestStep!.Value)} and {Figure.Score(worst.LastValidation!.Value)} {(worst.Complete ? "at the end" : "now")}."),
                Finding.Of($"This is overfitting. Stop with {options(runs, "early_stopping_patience")}, or use the model in best."));
        }

        static double Lost(RunSummary run) => run.BestValidation - run.LastValidation ?? 0;
        static double HalfInterval(RunSummary run) => (run.IntervalHigh - run.IntervalLow) / 2 ?? 0;
    }

    private static IEnumerable<Finding> StillRising(ReportData data, Func<IEnumerable<RunSummary>, string, string> options)
    {
        var lines = data.Curves.Where(static figure => figure.Measure == RunReader.Validation).SelectMany(static figure => figure.Lines).ToDictionary(static line => line.Run);
        var runs = data.Runs.Where(run => run.Complete && lines.TryGetValue(run.Name, out var line) && Rise(line) > GainedScore).ToList();
        if (runs.MaxBy(run => Rise(lines[run.Name])) is { } most)
            yield return Finding.Of($"{In(runs)}, the validation is still rising at the end: {most.Name} gained {Figure.Score(Rise(lines[most.Name]))} in the last quarter. Train longer with {options(runs, "steps")}.");

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

    private static IEnumerable<Finding> Unstable(ReportData data, Func<IEnumerable<RunSummary>, string, string> options)
    {
        var lines = data.Curves.Where(static figure => figure.Measure == RunReader.GradientNorm).SelectMany(static figure => figure.Lines).ToDictionary(static line => line.Run);
        var rolledBack = data.Runs.Where(static run => run.Events.Any(static happened => happened.Kind == "rollback")).ToList();
        if (rolledBack.Count > 0)
            yield return Finding.Of($"{In(rolledBack)}, the run was rolled back because a value was not finite. Limit the gradient with {options(rolledBack, "max_grad_norm")}, or lower {options(rolledBack, "rate")}.");
        var spiky = data.Runs.Except(rolledBack).Where(run => lines.TryGetValue(run.Name, out var line) && Spike(line) > SpikeRatio).ToList();
        if (spiky.MaxBy(run => Spike(lines[run.Name])) is { } most)
            yield return Finding.Of($"{In(spiky)}, the gradient norm has spikes: in {most.Name} the largest is {Figure.Ratio(Spike(lines[most.Name]))} times the median. Limit it with {options(spiky, "max_grad_norm")}.");

        static double Spike(CurveLine line)
        {
            double[] sorted = [.. line.Values.Order()];
            double median = sorted[sorted.Length / 2];
            return sorted.Length > FewestValidations && median > 0 ? sorted[^1] / median : 0;
        }
    }

    private static IEnumerable<Finding> Input(ReportData data) => data.Times.Where(static time => time.InputShare > InputShare)
        .Select(static time => Finding.Of($"The {time.Stage} of {time.Group} waits for input {Figure.Percent(time.InputShare)} of its time. Give it more processor cores or a faster disk."));

    private static IEnumerable<Finding> Collapse(ReportData data, Func<IEnumerable<RunSummary>, string, string> options)
    {
        var close = data.Runs.Where(static run => run.Health?.MeanCosine > CollapsedCosine).ToList();
        if (close.MaxBy(static run => run.Health!.MeanCosine) is { } closest)
            yield return Finding.Of($"{In(close)}, embeddings lie close together: in {closest.Name} two videos have a mean cosine of {Figure.Score(closest.Health!.MeanCosine)}. Train longer with {options(close, "steps")}, or try another {options(close, "rate")}.");
        var alike = data.Runs.Where(static run => run.Health is { } health && health.NearDuplicates > DuplicateShare * health.Videos).ToList();
        if (alike.MaxBy(static run => run.Health!.NearDuplicates) is { } most)
            yield return Finding.Of($"{In(alike)}, many embeddings are nearly the same: in {most.Name} {Figure.Count(most.Health!.NearDuplicates)} of {Figure.Count(most.Health.Videos)} videos have a near-duplicate. Check the data for duplicate videos.");
    }

    private static IEnumerable<Finding> Unfinished(ReportData data)
    {
        var ended = data.Runs.Where(static run => !run.Complete).ToLookup(static run => run.IsStopped);
        if (ended[true].ToList() is { Count: > 0 } stopped)
            yield return Finding.Of($"{In(stopped)}, the run stopped because a value was not finite. Begin again with a lower rate.");
        if (ended[false].ToList() is { Count: > 0 } open)
            yield return Finding.Of($"{In(open)}, the run has not ended. The same command continues it.");
    }

    private static Finding Joined(Finding first, Finding second) => new($"{first.Text} {second.Text}", [.. first.Numbers, .. second.Numbers]);

    // In mix fold 3, uniter fold 1.
    private static string In(List<RunSummary> runs) =>
        $"In {string.Join(", ", runs.Take(MostNamedRuns).Select(static run => run.Name))}{(runs.Count > MostNamedRuns ? $" and {runs.Count - MostNamedRuns} more" : "")}";
}
