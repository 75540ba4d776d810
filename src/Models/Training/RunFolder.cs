using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Checkpoints;
using VideoSim.Models.Datasets;
using VideoSim.Models.Metrics;
using VideoSim.Models.Progress;

namespace VideoSim.Models.Training;

/// <summary>The state of a run, saved with each checkpoint.</summary>
public sealed record TrainerState
{
    /// <summary>Updates done.</summary>
    public required long Step { get; init; }

    /// <summary>
    /// Length of metrics.jsonl at this step. Later lines are removed when the run continues from here.
    /// </summary>
    public required long MetricsBytes { get; init; }

    /// <summary>Best validation score so far.</summary>
    public double? BestSpearman { get; init; }

    /// <summary>Last validation score.</summary>
    public double? LastSpearman { get; init; }

    /// <summary>Last score of tags; null if tags are not scored.</summary>
    public TagScore? LastTags { get; init; }

    /// <summary>Whether the run was interrupted in the validation of this step.</summary>
    public bool ValidationDue { get; init; }
}

/// <summary>
/// The folder of one training run: args.json, metrics.jsonl, checkpoint-0 with the weights before training, the two
/// newest other checkpoints, best and last. Without a validation set there is no best. A start with the same arguments
/// continues the run. A start with other arguments is refused.
/// </summary>
public sealed class RunFolder : IDisposable
{
    /// <summary>Name of the file with a run's arguments.</summary>
    internal const string Arguments = "args.json";

    private const string Metrics = "metrics.jsonl", CheckpointPrefix = "checkpoint-", State = "trainer_state.json", Command = "command";
    private const int CheckpointsKept = 2;

    private readonly RunLock _lock;

    private RunFolder(string path, RunLock held) => (FolderPath, _lock, Inputs) = (path, held, new RunInputs(path));

    /// <summary>Path of the folder.</summary>
    public string FolderPath { get; }

    /// <summary>Path of the finished model. It exists only if the run is complete.</summary>
    public string Last => Path.Combine(FolderPath, ModelFolder.LastOfRun);

    /// <summary>Path of the model with the best validation score.</summary>
    public string Best => Path.Combine(FolderPath, ModelFolder.BestOfRun);

    /// <summary>The input files of the run.</summary>
    internal RunInputs Inputs { get; }

    /// <summary>Whether the run has done all its steps.</summary>
    public bool IsComplete => Directory.Exists(Last);

    /// <summary>Opens or begins a run. Until it is disposed of, no other process can open it.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="arguments">The values that determine the bits of the run.</param>
    /// <param name="files">
    /// Files that determine arguments. If one has changed, the message names the file instead of the argument.
    /// </param>
    /// <exception cref="DataException">
    /// The folder cannot be written, belongs to something else or to a run with other arguments, or is in use. The
    /// folder does not change.
    /// </exception>
    public static RunFolder Open(string path, JsonObject arguments, params IEnumerable<string> files)
    {
        string file = Path.Combine(path, Arguments);
        RunLock? held = null;
        try
        {
            Directory.CreateDirectory(path);
            bool isRun = File.Exists(file);
            if (!isRun && Directory.EnumerateFileSystemEntries(path).Any(static entry => !IsLeftoverOfStart(entry)))
                throw new DataException($"{path} is not empty and not the folder of a run: it has no {Arguments}");
            held = RunLock.Take(path);
            if (isRun)
            {
                var earlier = JsonNode.Parse(File.ReadAllBytes(file)) as JsonObject ?? [];
                if (earlier.ContainsKey(Command) && !HasBegun(path))
                {
                    new RunInputs(path).Delete();
                    Write(file, arguments);
                }
                else if (Difference("", earlier, arguments) is { } difference)
                {
                    throw new DataException(new RunInputs(path).Changed(files) is { } changed ? RunInputs.Refusal(path, $"{changed} has changed")
                        : $"{path} has a run with other arguments: {difference}; choose another --output-dir or the same arguments");
                }

                AtomicFolder.Recover(path, static name => name is ModelFolder.LastOfRun or ModelFolder.BestOfRun || StepOf(name) >= 0);
            }
            else
            {
                Write(file, arguments);
            }

            return new RunFolder(path, held);
        }
        catch (Exception e)
        {
            held?.Dispose();
            throw e switch
            {
                JsonException json => new DataException($"{file}: {JsonFailure.Reason(json)}", e),
                _ when FileFailure.Is(e) => FileFailure.Writing(path, e, path),
                _ => e,
            };
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _lock.Dispose();

    // A start that failed on its input has no results, so a new start may have other arguments and files.
    private static bool HasBegun(string path) => Directory.EnumerateDirectories(path).Any() || new FileInfo(Path.Combine(path, Metrics)) is { Exists: true, Length: > 0 };

    private static void Write(string file, JsonObject arguments) =>
        AtomicFile.Write(file, stream => stream.Write(JsonSerializer.SerializeToUtf8Bytes(arguments, RunJson.Default.JsonObject)));

    // Files of a start that was killed before it wrote the arguments.
    private static bool IsLeftoverOfStart(string path) => AtomicFile.IsLeftover(path, Arguments) || RunLock.IsLockFile(path);

    /// <summary>
    /// Checks a complete run and returns its result. If its inputs have changed since it began, a note reports the
    /// change.
    /// </summary>
    /// <returns>Its last validation score; null if it was not validated.</returns>
    internal double? TakeFinished(IVideoFormat format, IEnumerable<string> videoFiles, IEnumerable<string> otherFiles, IProgressSink progress, CancellationToken cancellation)
    {
        if (ModelFolder.FilesOf(Last).FirstOrDefault(static file => !File.Exists(file)) is { } gone)
            throw new DataException($"{FolderPath} is complete, but {gone} is gone; remove {Last} to make it again from the newest checkpoint");
        if (Inputs.Change(format, videoFiles, otherFiles, cancellation) is { } change)
            progress.Note($"{FolderPath} is complete and stays as it is, but {change} since it began; to train again, choose another --output-dir");
        else
            progress.Note($"{FolderPath}: this run is complete");
        string checkpoint = NewestCheckpoint ?? throw new DataException($"{FolderPath}: the run is complete, but its checkpoints are gone");
        double? score = ReadState(checkpoint).LastSpearman;
        return score is not null || !Directory.Exists(Best) ? score
            : throw new DataException($"{Path.Combine(checkpoint, State)}: last_spearman is missing, although the run is complete");
    }

    /// <summary>The newest checkpoint, or null. Removes metrics that were written after it.</summary>
    public (string FolderPath, TrainerState State)? Resume()
    {
        if (NewestCheckpoint is not { } checkpoint)
        {
            ChangeMetrics(FileMode.Create, static _ => { });
            return null;
        }
        var state = ReadState(checkpoint);
        ChangeMetrics(FileMode.OpenOrCreate, stream => stream.SetLength(Math.Min(stream.Length, state.MetricsBytes)));
        return (checkpoint, state);
    }

    /// <summary>Appends one line to metrics.jsonl.</summary>
    public void Log(JsonObject line) => ChangeMetrics(FileMode.Append, stream =>
    {
        stream.Write(JsonSerializer.SerializeToUtf8Bytes(line, RunJson.Compact.JsonObject));
        stream.Write("\n"u8);
    });

    /// <summary>Writes a checkpoint.</summary>
    public void SaveCheckpoint(TrainerState state, Action<AtomicFolder> fill)
    {
        ChangeMetrics(FileMode.Append, stream =>
        {
            // A checkpoint is flushed to the disk, so the lines before it must be as well.
            stream.Flush(flushToDisk: true);
            state = state with { MetricsBytes = stream.Length };
        });
        AtomicFolder.Write(Path.Combine(FolderPath, CheckpointPrefix + state.Step), folder =>
        {
            fill(folder);
            folder.Add(State, stream => JsonSerializer.Serialize(stream, state, RunJson.Default.TrainerState));
        });
    }

    /// <summary>Saves the weights before training. A run never continues from them and never removes them.</summary>
    public void SaveStart(Action<AtomicFolder> writeModel) => AtomicFolder.Write(Path.Combine(FolderPath, CheckpointPrefix + "0"), writeModel);

    /// <summary>
    /// Deletes unscheduled checkpoints that have a successor, then keeps the two newest. The remaining checkpoints do
    /// not depend on when the run was interrupted.
    /// </summary>
    /// <param name="isScheduled">Whether an uninterrupted run saves a checkpoint after a number of steps.</param>
    public void RemoveOldCheckpoints(Func<long, bool> isScheduled)
    {
        var checkpoints = Checkpoints(FolderPath).ToArray();
        var keep = checkpoints.Where((checkpoint, i) => i == 0 || isScheduled(checkpoint.Step)).Take(CheckpointsKept);
        foreach (var (_, old) in checkpoints.Except(keep))
            AtomicFolder.Delete(old);
    }

    /// <summary>The newest checkpoint, or null.</summary>
    public string? NewestCheckpoint => Checkpoints(FolderPath).Select(checkpoint => checkpoint.FolderPath).FirstOrDefault();

    /// <summary>Step of the newest checkpoint of a run; 0 if there is none.</summary>
    internal static long NewestStep(string run) => Checkpoints(run).Select(static checkpoint => checkpoint.Step).FirstOrDefault();

    private void ChangeMetrics(FileMode mode, Action<FileStream> change)
    {
        string path = Path.Combine(FolderPath, Metrics);
        try
        {
            using var stream = new FileStream(path, mode);
            change(stream);
        }
        catch (Exception e) when (FileFailure.Is(e))
        {
            throw FileFailure.Writing(path, e, path);
        }
    }

    private static TrainerState ReadState(string checkpoint) => JsonFile.Read(Path.Combine(checkpoint, State), RunJson.Default.TrainerState);

    // Newest first, without the weights before training.
    private static IEnumerable<(long Step, string FolderPath)> Checkpoints(string run) => Directory.GetDirectories(run, CheckpointPrefix + "*")
        .Select(static path => (Step: StepOf(Path.GetFileName(path)), path))
        .Where(static checkpoint => checkpoint.Step > 0).OrderByDescending(static checkpoint => checkpoint.Step);

    // The step in the name of a checkpoint; -1 for any other name.
    private static long StepOf(string name) => name.StartsWith(CheckpointPrefix, StringComparison.Ordinal)
        && long.TryParse(name.AsSpan(CheckpointPrefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out long step) ? step : -1;

    private static string? Difference(string prefix, JsonObject earlier, JsonObject now)
    {
        foreach (string key in earlier.Select(pair => pair.Key).Union(now.Select(pair => pair.Key)))
        {
            var (a, b) = (earlier[key], now[key]);
            if (a is JsonObject left && b is JsonObject right)
            {
                if (Difference($"{prefix}{key}.", left, right) is { } inner)
                    return inner;
            }
            else if (!JsonNode.DeepEquals(a, b))
            {
                return $"{prefix}{key} was {a?.ToJsonString() ?? "absent"} and is {b?.ToJsonString() ?? "absent"}";
            }
        }
        return null;
    }
}

/// <summary>JSON of a run's files.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true)]
[JsonSerializable(typeof(TrainerState))]
[JsonSerializable(typeof(JsonObject))]
internal sealed partial class RunJson : JsonSerializerContext
{
    public static RunJson Compact { get; } = new(new JsonSerializerOptions { WriteIndented = false });
}
