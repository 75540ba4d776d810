using System.Text.Json;
using System.Text.Json.Nodes;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Progress;
using VideoSim.Models.Search;

namespace VideoSim.Models.Reports;

/// <summary>Computes the numbers of a report from the folders of runs.</summary>
public static class ReportBuilder
{
    private const int WorstPairs = 20, MostNamedFolders = 4;

    // Enough to see the shape of a curve, few enough for a page of 72 runs.
    private const int MostPointsOfLine = 200, FewestPointsOfLine = 40, PointsOfFigure = 6000;

    private static readonly string[] Stages = ["pretrain", "finetune"];
    private static readonly string[] Measures = [RunReader.Loss, RunReader.Validation, RunReader.Rate, RunReader.EncoderRate, RunReader.GradientNorm, RunReader.Throughput];

    /// <summary>Reads the folders. Nothing in them is changed.</summary>
    /// <param name="folders">Folders of runs, of several folds, or of reproductions.</param>
    /// <param name="benchFile">Result of <c>videosim bench --json</c>, or null.</param>
    /// <param name="progress">Receives the progress.</param>
    /// <param name="cancellation">Stops the work.</param>
    /// <exception cref="DataException">A folder is not one of these, or the bench file cannot be read.</exception>
    public static ReportData Build(IReadOnlyList<string> folders, string? benchFile, IProgressSink progress, CancellationToken cancellation)
    {
        var bench = benchFile is null ? null : BenchFile.Read(benchFile);
        var notes = new List<string>();
        RunSource[] sources = [.. folders.Select(folder => RunSource.Read(folder, notes)).DistinctBy(static source => source.Folder)];
        var runs = NamedRun.Of(sources);
        var reliability = Reliability(runs, progress, cancellation);
        var summaries = Summaries(runs, progress, cancellation);
        var data = new ReportData
        {
            Title = TitleOf([.. sources.Select(static source => source.Name)]),
            Verdict = Finding.Of($""),
            Details = [],
            Findings = new Dictionary<string, Finding>(),
            Standing = sources.Length == 1 ? Standing(sources[0], runs) : [],
            Runs = summaries,
            Curves = [.. Curves(runs)],
            Folds = [.. Spreads(summaries)],
            Ensemble = sources.Length == 1 ? Ensemble(sources[0], runs, notes, cancellation) : null,
            Reliability = reliability,
            WorstPairs = Titled(WorstPair.Of(Validated(runs).Select(static run => run.Record.Pairs), WorstPairs), sources, notes, progress, cancellation),
            Times = [.. Times(runs)],
            Bench = bench,
            Inputs = [.. runs.SelectMany(static run => run.Record.Inputs).Distinct().OrderBy(static digest => digest.Path, StringComparer.Ordinal)],
            Advice = [],
            Notes = [],
        };
        Missing(runs, notes);
        data = data with { Notes = [.. notes.Distinct()], Advice = [.. Reports.Advice.For(data, sources.Any(static source => source.IsReproduction))] };
        return Reports.Findings.AddTo(data, sources.Length == 1 ? sources[0] : null);
    }

    private static string TitleOf(string[] names) => names.Length <= MostNamedFolders ? string.Join(", ", names)
        : $"{string.Join(", ", names.Take(MostNamedFolders - 1))} and {names.Length - MostNamedFolders + 1} more";

    // The finetunings or, without any, the pretrainings that have validated pairs.
    private static List<NamedRun> Validated(IEnumerable<NamedRun> runs)
    {
        var all = runs.Where(static run => run.Record.Pairs.Count > 0).ToList();
        var finetunings = all.Where(static run => run.Record.Stage == "finetune").ToList();
        return finetunings.Count > 0 ? finetunings : all;
    }

    private static List<ReliabilityCurve> Reliability(IReadOnlyList<NamedRun> runs, IProgressSink progress, CancellationToken cancellation)
    {
        var groups = Validated(runs).GroupBy(static run => (run.Group, run.Color)).ToList();
        var curves = new List<ReliabilityCurve>();
        if (groups.Count == 0)
            return curves;
        int done = 0;
        progress.Begin("intervals of models", groups.Count);
        foreach (var group in groups)
        {
            cancellation.ThrowIfCancellationRequested();
            if (ReliabilityCurve.Of(group.Key.Group, group.Key.Color, [.. group.SelectMany(static run => run.Record.Pairs)]) is { } curve)
                curves.Add(curve);
            progress.Report(++done, "");
        }
        progress.End("");
        return curves;
    }

    private static List<RunSummary> Summaries(IReadOnlyList<NamedRun> runs, IProgressSink progress, CancellationToken cancellation)
    {
        var summaries = new List<RunSummary>();
        progress.Begin("intervals of runs", runs.Count);
        foreach (var run in runs)
        {
            cancellation.ThrowIfCancellationRequested();
            summaries.Add(Summary(run));
            progress.Report(summaries.Count, "");
        }
        progress.End("");
        return summaries;
    }

    private static RunSummary Summary(NamedRun run)
    {
        var record = run.Record;
        Series loss = record[RunReader.Loss], validation = record[RunReader.Validation];
        // As in the run itself: random weights are not the best, trained ones may be, and of equal scores the last is.
        int best = -1;
        for (int i = 0; i < validation.Count; i++)
        {
            if (validation.Steps[i] > 0 || record.Stage != "pretrain")
                best = best < 0 || validation.Values[i] >= validation.Values[best] ? i : best;
        }
        var interval = record.Pairs.Count > 1
            ? BootstrapInterval.Of([.. record.Pairs.Select(static pair => pair.Cosine)], [.. record.Pairs.Select(static pair => pair.Label)]) : null;
        return new RunSummary
        {
            Name = run.Name, Group = run.Group, Color = run.Color, Stage = record.Stage, Model = record.Model, Fold = record.Fold,
            Preset = record.Arguments.Text("preset"), Seed = SeedOf(record.Arguments), Version = record.Arguments.Text("version"), Folder = record.Folder,
            Steps = record.Steps, Done = record.Done, Complete = record.IsComplete,
            FirstLoss = loss.Count > 0 ? loss.Values[0] : null, LastLoss = loss.Count > 0 ? loss.Values[^1] : null,
            StartValidation = validation.Count > 0 && validation.Steps[0] == 0 ? validation.Values[0] : null,
            BestValidation = best < 0 ? null : validation.Values[best], BestStep = best < 0 ? null : validation.Steps[best],
            Validations = validation.Count, LastValidation = validation.Count > 0 ? validation.Values[^1] : null,
            IntervalLow = interval?.Low, IntervalHigh = interval?.High, Pairs = record.Pairs.Count,
            TestScore = run.TestScore, Health = record.Health, Events = record.Events, Sessions = record.Sessions,
        };
    }

    // As it is written: a seed may have more digits than a double.
    private static string? SeedOf(JsonObject arguments) => arguments["seed"] is JsonValue seed && seed.GetValueKind() == JsonValueKind.Number ? Printable.OneLine(seed.ToJsonString()) : null;

    private static IEnumerable<CurveFigure> Curves(IReadOnlyList<NamedRun> runs)
    {
        foreach (string stage in Stages)
        {
            NamedRun[] ofStage = [.. runs.Where(run => run.Record.Stage == stage)];
            RunEvent[] events = [.. ofStage.SelectMany(static run => run.Record.Events).Distinct()];
            foreach (string measure in Measures)
            {
                var curves = ofStage.Select(run => (Run: run, Curve: run.Record[measure])).Where(static entry => entry.Curve.Count > 0).ToList();
                if (curves.Count == 0)
                    continue;
                int most = Math.Clamp(PointsOfFigure / curves.Count, FewestPointsOfLine, MostPointsOfLine);
                var lines = curves.Select(entry => (entry.Run, Thin: Thinning.Thin(entry.Curve, most)))
                    .Select(static entry => new CurveLine(entry.Run.Name, entry.Run.Group, entry.Run.Color, entry.Thin.Steps, entry.Thin.Values)).ToList();
                // The rates of all folds of a model are the same, and often those of all models.
                lines = [.. lines.DistinctBy(static line => (line.Group, Key(line)))];
                if (lines.DistinctBy(Key).Count() == 1)
                    lines = lines[..1];
                yield return new CurveFigure(stage, measure, curves.Count, lines, events);
            }
        }
    }

    private static string Key(CurveLine line) => $"{string.Join(' ', line.Steps)} {string.Join(' ', line.Values)}";

    private static IEnumerable<FoldSpread> Spreads(IReadOnlyList<RunSummary> runs) =>
        from run in runs
        where run.Stage == "finetune" && run.LastValidation is not null
        group run by (run.Group, run.Color) into folds
        let scores = folds.Select(static run => run.LastValidation!.Value).ToArray()
        let mean = scores.Average()
        select new FoldSpread(folds.Key.Group, folds.Key.Color, scores.Length, scores, mean,
            scores.Length > 1 ? Math.Sqrt(scores.Sum(score => (score - mean) * (score - mean)) / (scores.Length - 1)) : null, scores.Min(), scores.Max());

    private static IEnumerable<TimeBudget> Times(IReadOnlyList<NamedRun> runs) =>
        from run in runs
        where run.Record.Time is not null
        group run.Record by (run.Group, run.Record.Stage) into part
        let sum = new TimeParts(part.Sum(static run => run.Time!.Total), part.Sum(static run => run.Time!.Input), part.Sum(static run => run.Time!.Train), part.Sum(static run => run.Time!.Validation),
            part.Sum(static run => run.Time!.Saving), part.Sum(static run => run.Time!.Other))
        select new TimeBudget(part.Key.Group, part.Key.Stage, part.Count(), sum, sum.Input / sum.Total, sum.Train / sum.Total, sum.Validation / sum.Total, sum.Saving / sum.Total,
            sum.Other / sum.Total, part.Max(static run => run.MemoryBytes));

    private static List<StandingRow> Standing(RunSource source, IReadOnlyList<NamedRun> runs)
    {
        if (source.Reproduction is not { } summary)
            return [];
        var rows = new List<StandingRow>();
        foreach (var (name, score) in new[] { ("cosine of mean frames", summary.Baselines?.MeanFrameCosine), ("overlap of titles", summary.Baselines?.TitleOverlap), ("linear probe", summary.Baselines?.LinearProbe) })
            Add(name, StandingRow.Baseline, 0, score);
        foreach (var (model, result) in summary.Models)
        {
            Add(StandingRow.RandomOf(model), StandingRow.Random, 0, result.RandomSpearman);
            Add(model, StandingRow.Model, runs.FirstOrDefault(run => run.Record.Model == model)?.Color ?? 0, result.TestSpearman);
        }
        Add("ensemble", StandingRow.Ensemble, 0, summary.Ensemble.TestSpearman);
        Add("best possible", StandingRow.BestPossible, 0, summary.BestPossibleSpearman);
        return rows;

        void Add(string name, string kind, int color, double? score)
        {
            if (score is { } known)
                rows.Add(new StandingRow(name, kind, color, known));
        }
    }

    private static EnsembleShares? Ensemble(RunSource source, IReadOnlyList<NamedRun> runs, List<string> notes, CancellationToken cancellation)
    {
        if (source.Reproduction is null)
            return null;
        try
        {
            return EnsembleShares.Of(source, runs.DistinctBy(static run => run.Record.Model).ToDictionary(static run => run.Record.Model, static run => run.Color), cancellation);
        }
        catch (DataException e)
        {
            notes.Add($"the models' contributions to the ensemble are not shown: {e.Message}");
            return null;
        }
    }

    private static IReadOnlyList<WorstPair> Titled(IReadOnlyList<WorstPair> pairs, RunSource[] sources, List<string> notes, IProgressSink progress, CancellationToken cancellation)
    {
        if (pairs.Count == 0)
            return pairs;
        var titles = new Dictionary<string, string>();
        foreach (var data in sources.Select(static source => source.Data).OfType<Training.DataFolder>().DistinctBy(static data => data.FullPath))
        {
            try
            {
                if (!File.Exists(data.Pairwise))
                    throw new DataException($"{data.Pairwise}: there is no such file");
                foreach (var (id, title) in VideoTitles.Read(pairs.SelectMany(static pair => new[] { pair.Left, pair.Right }), [data.Pairwise], progress, cancellation))
                    titles.TryAdd(id, title);
            }
            catch (DataException e)
            {
                notes.Add($"pairs have no titles: {e.Message}");
            }
        }
        return [.. pairs.Select(pair => pair with { LeftTitle = titles.GetValueOrDefault(pair.Left), RightTitle = titles.GetValueOrDefault(pair.Right) })];
    }

    // Files that older versions did not write, and runs without a validation.
    private static void Missing(IReadOnlyList<NamedRun> runs, List<string> notes)
    {
        Note(static run => run[RunReader.Loss].Count == 0 && run[RunReader.Validation].Count == 0, $"no losses and no validations: {RunReader.Metrics} is missing or has none");
        Note(static run => run[RunReader.Loss].Count > 0 && run[RunReader.Validation].Count == 0, $"no validation in {RunReader.Metrics}");
        Note(static run => run[RunReader.Validation].Count > 0 && run.Pairs.Count == 0, $"no pairs of a validation: there is no readable {Training.PairValidation.PairsFile}");
        Note(static run => run[RunReader.Loss].Count > 0 && run[RunReader.GradientNorm].Count == 0, $"no rates or gradient norms in {RunReader.Metrics}");
        Note(static run => run.Time is null, $"no times and no throughput: there is no readable {RunReader.Timing}");
        Note(static run => run.Sessions.Count == 0, $"no machine and commit: there is no readable {RunReader.Environment}");

        void Note(Func<RunRecord, bool> lacks, string what)
        {
            string[] names = [.. runs.Where(run => lacks(run.Record)).Select(static run => run.Name)];
            if (names.Length > 0)
                notes.Add($"{(names.Length == runs.Count ? names.Length == 1 ? "the run" : "all runs" : names.Length > 3 ? $"{names[0]} and {names.Length - 1} more" : string.Join(", ", names))}: {what}");
        }
    }
}
