using System.Text.Json.Nodes;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Checkpoints;
using VideoSim.Models.Datasets;
using VideoSim.Models.Progress;

namespace VideoSim.Models.Training;

/// <summary>What a command makes in its folder. Nothing else in the folder is ever deleted.</summary>
internal abstract class RunLayout
{
    /// <summary>Folder of the claims and records of a reproduction's parts.</summary>
    public const string Parts = "parts";

    /// <summary>Name of the scores of a reproduction. Its start tries to write the file.</summary>
    public const string Summary = "summary.json";

    /// <summary>The folder of one pretraining.</summary>
    public static RunLayout Pretraining { get; } = new TrainingLayout(RunArguments.Pretrain);

    /// <summary>The folder of the finetuning of one fold.</summary>
    public static RunLayout Finetuning { get; } = new TrainingLayout(RunArguments.Finetune);

    /// <summary>The layout of a training run whose arguments are given.</summary>
    public static RunLayout Of(JsonObject arguments) => RunArguments.StageOf(arguments) == RunArguments.Finetune ? Finetuning : Pretraining;

    /// <summary>Whether a command, as args.json names it, makes such folders.</summary>
    public abstract bool Makes(string command);

    /// <summary>
    /// Whether a folder of a command has no files but those of this layout. Without a result it may be used anew.
    /// </summary>
    public virtual bool HasFilesOf(string command) => Makes(command);

    /// <summary>Whether the folder has results of a training step, or of later work.</summary>
    public abstract bool HasBegun(string folder);

    /// <summary>The files that the command makes beside args.json, as paths below the folder.</summary>
    protected abstract IEnumerable<string> Files(string folder, JsonObject arguments);

    /// <summary>Whether a folder of this name belongs to the command as a whole.</summary>
    protected virtual bool OwnsFolder(string name) => false;

    /// <summary>The folders that have an args.json of their own, with their layouts. They need not exist.</summary>
    protected virtual IEnumerable<(string Folder, RunLayout Layout)> Inner(string folder) => [];

    /// <summary>Refuses a folder with a run inside that another process uses.</summary>
    /// <exception cref="Engine.DataException">Another process has the lock of a run.</exception>
    public void RequireFree(string folder)
    {
        foreach (var (inner, layout) in OwnInner(folder))
        {
            RunLock.Take(inner).Dispose();
            layout.RequireFree(inner);
        }
    }

    /// <summary>The files and folders that <see cref="Clear"/> deletes or that are written anew after it.</summary>
    public IEnumerable<string> Deleted(string folder) => !File.Exists(RunFolder.FileOfArguments(folder)) ? [] :
    [
        RunFolder.FileOfArguments(folder), .. OwnFolders(folder), .. OwnFiles(folder), .. OwnInner(folder).SelectMany(static run => run.Layout.Deleted(run.Folder)),
    ];

    /// <summary>
    /// Deletes what the command has made, except args.json and the lock. If the process is killed meanwhile, args.json
    /// still names the command, and the next call deletes the rest.
    /// </summary>
    public void Clear(string folder)
    {
        string[] files = OwnFiles(folder);
        foreach (string path in OwnFolders(folder))
            Directory.Delete(path, recursive: true);
        foreach (var (inner, layout) in OwnInner(folder))
        {
            using (RunLock.Take(inner))
            {
                if (File.Exists(RunFolder.FileOfArguments(inner)))
                    layout.Clear(inner);
                File.Delete(RunFolder.FileOfArguments(inner));
                layout.DeleteLeftovers(inner);
            }
            RunLock.Delete(inner);
            DeleteIfEmpty(inner, folder);
        }
        foreach (string file in files.Where(File.Exists))
        {
            File.Delete(file);
            DeleteIfEmpty(Path.GetDirectoryName(file)!, folder);
        }
    }

    /// <summary>
    /// Deletes unfinished files that a killed process left. The files and folders of the command stay.
    /// </summary>
    public void DeleteLeftovers(string folder)
    {
        // A link may lead to a folder of somebody else.
        var inside = OwnFolders(folder).Where(static own => new DirectoryInfo(own).LinkTarget is null).SelectMany(static own => FolderListing.Files(own));
        foreach (string file in Leftovers(folder).Concat(inside.Where(static file => TemporaryName.FinalNameOfUnfinished(file) is not null)))
            File.Delete(file);
    }

    private string[] OwnFolders(string folder) => [.. FolderListing.Folders(folder).Where(path => OwnsFolder(TemporaryName.FinalName(path)))];

    private string[] OwnFiles(string folder) => [.. FinalFiles(folder).Where(File.Exists), .. Leftovers(folder)];

    private IEnumerable<string> FinalFiles(string folder) => Files(folder, RunFolder.Read(folder) ?? []).Select(name => Path.Combine(folder, name));

    // Unfinished files of the command, beside the places of the files.
    private string[] Leftovers(string folder)
    {
        var files = FinalFiles(folder).Append(RunFolder.FileOfArguments(folder)).ToHashSet();
        return [.. files.Select(static file => Path.GetDirectoryName(file)!).Distinct().Where(Directory.Exists).SelectMany(static parent => FolderListing.Files(parent))
            .Where(file => TemporaryName.FinalNameOfUnfinished(file) is { } name && files.Contains(Path.Combine(Path.GetDirectoryName(file)!, name)))];
    }

    private (string Folder, RunLayout Layout)[] OwnInner(string folder) => [.. Inner(folder).Where(static run => Directory.Exists(run.Folder) && run.Layout.IsOwn(run.Folder))];

    // Whether a folder is a run of this layout, or has only what a start leaves that was killed at once.
    private bool IsOwn(string folder) => RunFolder.Read(folder) is { } arguments ? RunArguments.IsOfRun(arguments) && Makes(RunArguments.StageOf(arguments)!)
        : FolderListing.Entries(folder).All(RunFolder.IsLeftoverOfStart);

    // Deletes a folder and its parents up to a folder, as long as they have nothing.
    private static void DeleteIfEmpty(string path, string upTo)
    {
        for (; path != upTo && FolderListing.IsEmpty(path); path = Path.GetDirectoryName(path)!)
            Directory.Delete(path);
    }

    private sealed class TrainingLayout(string own) : RunLayout
    {
        public override bool Makes(string command) => command == own;

        public override bool HasFilesOf(string command) => command is RunArguments.Pretrain or RunArguments.Finetune;

        public override bool HasBegun(string folder) => RunMetrics.HasSteps(folder)
            || FolderListing.Folders(folder).Select(TemporaryName.FinalName).Any(static name => name == ModelFolder.LastOfRun || FolderChecksums.StepOf(name) > 0);

        protected override IEnumerable<string> Files(string folder, JsonObject arguments) =>
            [
                RunInputs.Name, RunTuning.Name, RunMetrics.Name, RunSessions.Name, RunTiming.Name, PairValidation.PairsFile, PairValidation.EmbeddingsFile, CsvReporter.FileName, .. EventFiles(folder),
            ];

        // Those of src/TensorBoard. Other programs can have files beside them.
        private static IEnumerable<string> EventFiles(string folder)
        {
            string events = Path.Combine(folder, "tensorboard");
            return FolderListing.FilesIfAny(events, "events.out.tfevents.*.videosim").Select(file => Path.GetRelativePath(folder, file));
        }

        protected override bool OwnsFolder(string name) => name is ModelFolder.LastOfRun or ModelFolder.BestOfRun || FolderChecksums.StepOf(name) >= 0;
    }
}
