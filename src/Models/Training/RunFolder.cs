using System.Text.Json;
using System.Text.Json.Nodes;
using VideoSim.Engine;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Checkpoints;
using VideoSim.Models.Datasets;
using VideoSim.Models.Progress;

namespace VideoSim.Models.Training;

/// <summary>
/// The folder of one training run: args.json, inputs.json, metrics.jsonl, environment.json, timing.jsonl, tuning.json
/// with a tuning table, checkpoint-0 with the weights before training, the newest other checkpoints, best and last.
/// Without a validation set there is no best. A start with the same arguments continues the run. So does a start with
/// more steps or another patience. A start with other arguments is refused, unless the run has no step yet.
/// </summary>
public sealed class RunFolder : IDisposable
{
    /// <summary>Name of the file with a run's arguments.</summary>
    public const string Arguments = "args.json";

    private readonly RunLock _lock;
    private readonly RunLayout _layout;
    private readonly RunMode _mode;
    private readonly JsonObject _arguments;
    private readonly JsonObject? _earlier; // args.json as it was
    private readonly IReadOnlyList<string> _later;
    private readonly TuningTable? _tuning;
    private string? _warning; // of the newest checkpoint
    private IDisposable? _guard; // of the writes

    private RunFolder(string path, RunLock held, RunLayout layout, RunMode mode, JsonObject arguments, JsonObject? earlier, IReadOnlyList<string> later, TuningTable? tuning)
    {
        (FolderPath, _lock, _layout, _mode, _arguments, _earlier, _later, _tuning) = (path, held, layout, mode, arguments, earlier, later, tuning);
        Inputs = new RunInputs(path);
        Metrics = new RunMetrics(path);
        Checkpoints = new RunCheckpoints(path, Metrics);
    }

    /// <summary>Path of the folder.</summary>
    public string FolderPath { get; }

    /// <summary>Path of the finished model. It exists only if the run is complete.</summary>
    public string Last => Path.Combine(FolderPath, ModelFolder.LastOfRun);

    /// <summary>Path of the model with the best validation score.</summary>
    public string Best => Path.Combine(FolderPath, ModelFolder.BestOfRun);

    /// <summary>Whether the run begins, or begins anew.</summary>
    public bool IsNew => _mode is RunMode.New or RunMode.Restart or RunMode.Replace;

    /// <summary>Whether the run has done all its steps.</summary>
    public bool IsComplete => _mode == RunMode.Continue && Directory.Exists(Last);

    /// <summary>The steps at which recipes of fewer steps ended, and their numbers of steps.</summary>
    internal IReadOnlyList<(long Step, int? Steps)> EarlierRecipes => RunHistory.EarlierRecipes(_arguments);

    /// <summary>The input files of the run.</summary>
    internal RunInputs Inputs { get; }

    /// <summary>The metrics of the run.</summary>
    internal RunMetrics Metrics { get; }

    /// <summary>The checkpoints of the run.</summary>
    internal RunCheckpoints Checkpoints { get; }

    /// <summary>Path of args.json in a folder.</summary>
    internal static string FileOfArguments(string folder) => Path.Combine(folder, Arguments);

    /// <summary>
    /// Opens a run. Its files change when it begins, see <see cref="Begin"/>. Until it is disposed of, no other
    /// process can open it.
    /// </summary>
    /// <param name="path">The folder.</param>
    /// <param name="arguments">The values that determine the bits of the run.</param>
    /// <param name="files">
    /// Files that determine arguments. If one has changed, the message names the file instead of the argument.
    /// </param>
    /// <param name="layout">What the command makes in the folder; null for one training run.</param>
    /// <param name="overwrite">Whether a run in the folder is to be deleted when this one begins.</param>
    /// <param name="inputs">
    /// The files that the command reads. They must not be deleted with the run that was there.
    /// </param>
    /// <param name="later">
    /// Folders of the same command whose runs follow this one. They must be free for it, too. If
    /// <paramref name="overwrite"/>, they are deleted when this one begins, so that a later start continues the new
    /// runs and not the old ones.
    /// </param>
    /// <param name="mayGrow">Whether the run continues if its steps are more than before.</param>
    /// <param name="shared">
    /// Whether other processes that pass true may open the folder too. Then a run that has begun is not begun anew.
    /// </param>
    /// <param name="tuning">The tuning table of the run; null without one.</param>
    /// <exception cref="DataException">
    /// The folder cannot be written, belongs to something else or to a run with other arguments, or is in use. The
    /// folder does not change.
    /// </exception>
    internal static RunFolder Open(string path, JsonObject arguments, IReadOnlyList<string>? files = null, RunLayout? layout = null, bool overwrite = false, bool mayGrow = false,
        IReadOnlyList<InputFile>? inputs = null, IReadOnlyList<string>? later = null, bool shared = false, TuningTable? tuning = null)
    {
        RunLock? held = null;
        try
        {
            DurableFolder.Make(path);
            RunStart.RequireRunOrEmpty(path);
            held = RunLock.Take(path, shared);
            var earlier = Read(path);
            RunTuning.AddTo(arguments, tuning);
            arguments[RunChange.Version] = Surroundings.Version;
            layout ??= RunLayout.Of(arguments);
            var mode = earlier is null ? RunMode.New : RunStart.ModeOf(path, earlier, arguments, files ?? [], layout, overwrite, mayGrow, shared);
            if (mode == RunMode.Replace)
                RunStart.RequireDeletable(path, layout, inputs ?? [], mayLock: !shared);
            string[] next = [.. (later ?? []).Where(Directory.Exists)];
            foreach (string folder in next)
            {
                RunStart.RequireRunOrEmpty(folder);
                if (Read(folder) is { } other)
                    RunStart.RequireSameCommand(folder, other, layout, overwrite);
                if (!overwrite)
                    continue;
                RunLock.Take(folder).Dispose();
                RunStart.RequireDeletable(folder, layout, inputs ?? [], mayLock: true);
            }
            if (mode is not (RunMode.New or RunMode.Replace))
                AtomicFolder.Recover(path, static name => name is ModelFolder.LastOfRun or ModelFolder.BestOfRun || FolderChecksums.StepOf(name) >= 0);
            var run = new RunFolder(path, held, layout, mode, arguments, earlier, overwrite ? next : [], tuning);
            if (!run.IsNew)
            {
                RunHistory.Require(path, earlier!);
                RunTuning.Of(path);
                run._warning = run.Checkpoints.Require(RunArguments.StepsOf(arguments), run.IsComplete);
            }
            return run;
        }
        catch (Exception e)
        {
            held?.Dispose();
            throw FileFailure.Is(e) ? FileFailure.Writing(path, e, path) : e;
        }
    }

    /// <summary>
    /// Refuses a folder that <see cref="Open"/> would refuse, or whose old results are not all deleted yet. The folder
    /// does not change.
    /// </summary>
    /// <exception cref="DataException">
    /// It belongs to something else or to a run with other arguments, or a deletion was interrupted.
    /// </exception>
    internal static void RequireSame(string path, JsonObject arguments, RunLayout layout, TuningTable? tuning)
    {
        if (!Directory.Exists(path))
            return;
        RunStart.RequireRunOrEmpty(path);
        if (Read(path) is not { } earlier)
            return;
        RunTuning.AddTo(arguments, tuning);
        RunStart.ModeOf(path, earlier, arguments, [], layout, overwrite: false, mayGrow: false, shared: true);
        if (earlier.ContainsKey(RunChange.Deleting))
            throw new DataException($"{path}: --overwrite-output-dir was interrupted and has left old results; start a worker or the whole command, which deletes them and begins");
    }

    /// <summary>
    /// Checks what a later start will read in the folder of a run: args.json, tuning.json, and the newest checkpoint
    /// or, if the run is complete and the model is needed, the last model. A folder without a run is not checked.
    /// </summary>
    /// <param name="path">The folder.</param>
    /// <param name="needsModel">Whether the model of a complete run will be read.</param>
    /// <exception cref="DataException">Something is damaged; the message names the file.</exception>
    internal static void Check(string path, bool needsModel)
    {
        if (Read(path) is not { } arguments || arguments.ContainsKey(RunChange.Deleting))
            return;
        string last = Path.Combine(path, ModelFolder.LastOfRun);
        bool isComplete = Directory.Exists(last);
        RunStart.RequireRunOrEmpty(path);
        RunHistory.Require(path, arguments);
        RunTuning.Of(path);
        new RunCheckpoints(path, new RunMetrics(path)).Require(RunArguments.StepsOf(arguments), isComplete);
        if (isComplete && needsModel)
            ModelFolder.RequireWhole(last);
    }

    /// <summary>
    /// Begins the run, or continues it, after everything that can fail on its input. A run that is overwritten is
    /// deleted first.
    /// </summary>
    /// <param name="inputs">The input files; null if the caller compares them.</param>
    /// <param name="progress">Receives notes.</param>
    /// <exception cref="DataException">
    /// An input has changed since the run began, or the folder cannot be written. A run that was there does not
    /// change.
    /// </exception>
    internal void Begin(IReadOnlyList<FileDigest>? inputs, IProgressSink progress)
    {
        GuardWrites();
        WriteGuard.Require();
        if (!IsNew && inputs is not null)
        {
            if (!Inputs.Exist)
                progress.Warn($"{FolderPath}: warning: {RunInputs.Name} is gone, so it is not known whether the run began with the same input files");
            Inputs.Require(inputs);
        }
        if (_warning is not null)
            progress.Warn($"{Checkpoints.Newest}: {_warning}");
        try
        {
            foreach (string folder in _later.Where(static folder => File.Exists(FileOfArguments(folder))))
            {
                using (RunLock.Take(folder))
                    Clear(folder, Read(folder)!);
            }
            if (_mode == RunMode.Replace)
            {
                Clear(FolderPath, _earlier!);
            }
            else if (_mode == RunMode.Restart)
            {
                Inputs.Delete();
            }
            else if (_mode != RunMode.New)
            {
                KeepHistory(progress);
            }
            if (_mode != RunMode.Continue || !JsonNode.DeepEquals(_arguments, _earlier))
                Write(FolderPath, _arguments);
            if (_tuning is not null && (IsNew || RunTuning.IsMissing(FolderPath)))
                RunTuning.Write(FolderPath, _tuning);
            _layout.DeleteLeftovers(FolderPath);
        }
        catch (Exception e) when (FileFailure.Is(e))
        {
            throw FileFailure.Writing(FolderPath, e, FolderPath);
        }
        if (IsNew && inputs is not null)
            Inputs.Require(inputs);
    }

    /// <summary>
    /// Refuses writes of this thread when the folder has been moved, deleted or replaced, until it is disposed of.
    /// </summary>
    internal void GuardWrites() => _guard ??= WriteGuard.Begin(_lock.Require);

    /// <summary>Writes args.json again if it was deleted. Without it no start continues the run.</summary>
    /// <exception cref="IOException">The file system failed.</exception>
    internal void KeepArguments(IProgressSink progress)
    {
        string file = FileOfArguments(FolderPath);
        if (File.Exists(file))
            return;
        Write(FolderPath, _arguments);
        progress.Warn($"{file}: was deleted while the run goes on; it is written again");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _guard?.Dispose();
        _lock.Dispose();
    }

    /// <summary>Whether a path is a file of a start that was killed before it wrote the arguments.</summary>
    internal static bool IsLeftoverOfStart(string path) => RunLock.IsLockFile(path) || TemporaryName.IsDeleted(path)
        || (TemporaryName.FinalNameOfUnfinished(path) is Arguments or RunLayout.Summary && !Directory.Exists(path))
        || (Path.GetFileName(path) == RunLayout.Parts && !File.Exists(path) && FolderListing.EntriesIfAny(path).All(static entry => ClaimFolder.IsClaim(entry) || TemporaryName.IsDeleted(entry)));

    /// <summary>
    /// Checks a complete run and returns its result. If its inputs have changed since it began, a note reports the
    /// change.
    /// </summary>
    /// <returns>Its last validation score; null if it was not validated, or the score is undefined.</returns>
    internal double? TakeFinished(IVideoFormat format, IEnumerable<string> videoFiles, IEnumerable<string> otherFiles, IProgressSink progress, CancellationToken cancellation)
    {
        if (ModelFolder.FilesOf(Last).FirstOrDefault(static file => !File.Exists(file)) is { } gone)
            throw new DataException($"{FolderPath} is complete, but {gone} is gone; remove {Last} to make it again from the newest checkpoint");
        var state = RunCheckpoints.ReadNewest(FolderPath);
        if (Inputs.Change(format, videoFiles, otherFiles, cancellation) is { } change)
            progress.Note($"{FolderPath} is complete and stays as it is, but {change} since it began; to train again, choose another --output-dir");
        else
            progress.Note($"{FolderPath}: {End(state.Step)}; {(Directory.Exists(Best) ? $"the best model is {Best}, " : "")}the last is {Last}");
        return state.LastSpearman;
    }

    private string End(long step) => RunArguments.StepsOf(_arguments) is { } steps && step < steps
        ? $"already stopped early at step {step} of {steps}, and another --early-stopping-patience trains it further" : $"already finished at step {step}";

    // From the first write on, every start deletes the rest.
    private void Clear(string folder, JsonObject earlier)
    {
        Write(folder, new JsonObject { ["command"] = earlier["command"]?.DeepClone(), ["data"] = earlier["data"]?.DeepClone(), [RunChange.Deleting] = true });
        _layout.Clear(folder);
    }

    // The arguments of a run that continues.
    private void KeepHistory(IProgressSink progress)
    {
        string? version = _earlier![RunChange.Version]?.ToString();
        if (version is not null && version != Surroundings.Version)
            progress.Warn($"{FolderPath}: this run began with version {Printable.OneLine(version)} of the program and continues with {Surroundings.Version}; between versions, bits can differ");
        _arguments.Remove(RunChange.Version);
        if (_earlier[RunChange.Version] is { } began)
            _arguments[RunChange.Version] = began.DeepClone();
        RunHistory.Copy(_earlier, _arguments);
        long from = RunCheckpoints.NewestStep(FolderPath);
        if (_mode == RunMode.Grow && from > 0)
        {
            RunHistory.Add(_earlier, _arguments, from);
            // Without last the run is not complete, with the old arguments or with the new ones.
            if (Directory.Exists(Last))
                AtomicFolder.Delete(Last);
        }
        Checkpoints.GrownFrom = RunHistory.LastStep(_arguments);
        if (RunHistory.Describe(_arguments) is { } text)
            progress.Note($"{FolderPath}: {text}");
    }

    /// <summary>The args.json of a folder; null if there is none.</summary>
    /// <exception cref="DataException">It cannot be read; the message names it.</exception>
    internal static JsonObject? Read(string path)
    {
        string file = FileOfArguments(path);
        return File.Exists(file) ? JsonFile.ReadObject(file) : null;
    }

    private static void Write(string folder, JsonObject arguments) =>
        AtomicFile.Write(FileOfArguments(folder), stream => stream.Write(JsonSerializer.SerializeToUtf8Bytes(arguments, RunJson.Default.JsonObject)));
}
