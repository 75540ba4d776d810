using System.Text.Json.Nodes;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Reproduction;
using VideoSim.Models.Training;
using VideoSim.Models.Zoo;

namespace VideoSim.Models.Reports;

/// <summary>One folder that a report is made of.</summary>
/// <param name="Folder">Full path.</param>
/// <param name="Arguments">args.json of a run or a reproduction; null for a folder of folds.</param>
/// <param name="Runs">Its training runs.</param>
/// <param name="Reproduction">summary.json of a reproduction; null if it is not done, or for other folders.</param>
internal sealed record RunSource(string Folder, JsonObject? Arguments, IReadOnlyList<RunRecord> Runs, ReproductionSummary? Reproduction)
{
    private const string Command = "command", Reproduce = "reproduce";
    private const int MostNamed = 3;

    /// <summary>Name of the folder.</summary>
    public string Name => Path.GetFileName(Folder) is { Length: > 0 } name ? name : Folder;

    /// <summary>Whether it is the folder of a reproduction.</summary>
    public bool IsReproduction => Arguments?.Text(Command) == Reproduce;

    /// <summary>The folder of the data, if args.json names one.</summary>
    public DataFolder? Data => IsReproduction && Arguments!.Text("data") == "synthetic" ? new DataFolder(Path.Combine(Folder, "data"))
        : (Arguments ?? Runs[0].Arguments).Text("data") is { Length: > 0 } path && !path.Contains('\0') ? new DataFolder(path) : null;

    /// <summary>Reads a folder: that of a run, of several folds, or of a reproduction.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="notes">Receives what could not be read.</param>
    /// <exception cref="DataException">It is none of these; the message names it.</exception>
    public static RunSource Read(string path, List<string> notes)
    {
        string folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (!PathCheck.IsFolder(folder))
            throw new DataException($"{path}: {(PathCheck.IsFile(folder) ? "is a file, not the folder of a run" : "there is no such folder")}");
        if (!PathCheck.IsFile(Path.Combine(folder, RunFolder.Arguments)))
        {
            var folds = ReadAll(FoldsIn(folder), notes);
            string[] others = [.. FolderListing.Folders(folder).Except(FoldsIn(folder)).Where(static other => File.Exists(RunFolder.FileOfArguments(other))).Order(StringComparer.Ordinal)];
            string named = others.Length > 0 ? $"{string.Join(", ", others.Take(MostNamed).Select(Printable.Whole))}{(others.Length > MostNamed ? " and more" : "")}" : "";
            if (folds.Count == 0)
                throw new DataException($"{path}: is not the folder of a run, of folds or of a reproduction: it has no {RunFolder.Arguments} and no fold-N{(others.Length > 0 ? $"; name the runs in it: {named}" : "")}");
            if (others.Length > 0)
                notes.Add($"{path} stands for its folds alone; to show the other runs in it, name them too: {named}");
            return new RunSource(folder, null, folds, null);
        }
        var arguments = RunReader.ReadArguments(folder);
        if (arguments.Text(Command) != Reproduce)
        {
            if (arguments.Text(Command) is { } other && other.StartsWith(Reproduce, StringComparison.Ordinal))
                throw new DataException($"{path}: is a study of several reproductions; name one of them, such as {Path.Combine(path, $"seed-{Printable.OneLine($"{arguments["seed"]}")}")}");
            return new RunSource(folder, arguments, [RunReader.Read(folder, notes)], null);
        }
        var runs = ReadAll(ModelZoo.Names.Select(model => Path.Combine(folder, model)).SelectMany(static model => FoldsIn(model).Prepend(Path.Combine(model, "pretrain"))), notes);
        return runs.Count > 0 ? new RunSource(folder, arguments, runs, ReadSummary(Path.Combine(folder, "summary.json"), notes))
            : throw new DataException($"{path}: no run of this reproduction has begun");
    }

    private static ReproductionSummary? ReadSummary(string file, List<string> notes)
    {
        var summary = RunReader.Typed(file, ReproductionJson.Default.ReproductionSummary, notes);
        if (summary is null || (summary is { Models.Count: > 0, Ensemble: not null } && summary.Models.Values.All(static model => model?.Folds is { Count: > 0 } folds && folds.All(static fold => fold is not null))))
        {
            if (summary is null || Scores(summary).All(static score => score is null or (>= -1 and <= 1)))
                return summary;
            notes.Add($"{file}: a score is not from \u22121 to 1; the file is left out");
            return null;
        }
        notes.Add($"{file}: lacks models, folds or the ensemble and is left out");
        return null;
    }

    private static IEnumerable<double?> Scores(ReproductionSummary summary) =>
        summary.Models.Values.SelectMany(static model => new[] { model.RandomSpearman, model.PretrainSpearman, model.TestSpearman }.Concat(model.Folds.SelectMany(static fold => new[] { fold.ValSpearman, fold.TestSpearman })))
            .Concat([summary.Baselines?.MeanFrameCosine, summary.Baselines?.TitleOverlap, summary.Baselines?.LinearProbe, summary.BestPossibleSpearman, summary.Ensemble.TestSpearman, summary.Ensemble.NormalizedTestSpearman]);

    // In the order of their numbers.
    private static IEnumerable<string> FoldsIn(string folder) => !Directory.Exists(folder) ? []
        : FolderListing.Folders(folder, "fold-*").Select(static path => (Path: path, Number: int.TryParse(System.IO.Path.GetFileName(path).AsSpan(5), out int number) ? number : 0))
            .Where(static fold => fold.Number > 0).OrderBy(static fold => fold.Number).Select(static fold => fold.Path);

    // A damaged run is left out, so that one of many does not hide the others.
    private static List<RunRecord> ReadAll(IEnumerable<string> folders, List<string> notes)
    {
        var runs = new List<RunRecord>();
        foreach (string folder in folders.Where(static folder => File.Exists(Path.Combine(folder, RunFolder.Arguments))))
        {
            try
            {
                var run = RunReader.Read(folder, notes);
                if (runs.Find(other => (other.Model, other.Stage, other.Fold) == (run.Model, run.Stage, run.Fold)) is { } same)
                    notes.Add($"{folder}: has the model, stage and fold of {Path.GetFileName(same.Folder)}; the run is left out");
                else
                    runs.Add(run);
            }
            catch (DataException e)
            {
                notes.Add($"{e.Message}; the run is left out");
            }
        }
        return runs;
    }
}
