namespace VideoSim.Models.Reports;

/// <summary>A run with its names in a report.</summary>
/// <param name="Record">The run.</param>
/// <param name="Group">
/// The runs that share a colour: those of one model or, if runs are compared, of one folder.
/// </param>
/// <param name="Name">Name of the run.</param>
/// <param name="Color">Number of the group's colour.</param>
/// <param name="TestScore">Score on test_b in a reproduction.</param>
internal sealed record NamedRun(RunRecord Record, string Group, string Name, int Color, double? TestScore)
{
    /// <summary>Names the runs of some folders, each run once.</summary>
    public static IReadOnlyList<NamedRun> Of(IReadOnlyList<RunSource> sources)
    {
        var all = sources.SelectMany(static source => source.Runs.Select(run => (Source: source, Run: run))).DistinctBy(static entry => entry.Run.Folder).ToList();
        // Two runs of the same model, stage and fold are there to be compared, so their folders name them.
        bool compares = all.DistinctBy(static entry => (entry.Run.Model, entry.Run.Stage, entry.Run.Fold)).Count() < all.Count;
        bool namesClash = sources.DistinctBy(static source => source.Name).Count() < sources.Count;
        var colors = new Dictionary<string, int>();
        var named = new List<NamedRun>();
        var names = new HashSet<string>();
        foreach (var (source, run) in all)
        {
            string folder = namesClash ? source.Folder : source.Name;
            string group = !compares ? run.Model : source.Runs.DistinctBy(static other => other.Model).Count() > 1 ? $"{folder}, {run.Model}" : folder;
            colors.TryAdd(group, colors.Count);
            string name = run.Fold is { } fold ? $"{group} fold {fold}" : $"{group} {run.Stage}", unique = name;
            for (int n = 2; !names.Add(unique); n++)
                unique = $"{name} ({n})";
            named.Add(new NamedRun(run, group, unique, colors[group], TestScoreOf(source, run)));
        }
        return named;
    }

    private static double? TestScoreOf(RunSource source, RunRecord run) => source.Reproduction?.Models.GetValueOrDefault(run.Model) is not { } model ? null
        : run.Fold is { } fold ? model.Folds.FirstOrDefault(one => one.Fold == fold)?.TestSpearman : model.PretrainSpearman;
}
