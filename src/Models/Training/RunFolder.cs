using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Training;

/// <summary>Where a run stands, saved with each checkpoint.</summary>
public sealed record TrainerState
{
    /// <summary>Updates done.</summary>
    public required long Step { get; init; }

    /// <summary>Length of metrics.jsonl at that moment; what came after is written again.</summary>
    public required long MetricsBytes { get; init; }

    /// <summary>Best validation score so far.</summary>
    public double? BestSpearman { get; init; }

    /// <summary>Last validation score.</summary>
    public double? LastSpearman { get; init; }

    /// <summary>Whether the run was interrupted in the validation that belongs to this step.</summary>
    public bool ValidationDue { get; init; }
}

/// <summary>
/// The folder of one training run: args.json, metrics.jsonl, checkpoint-0 with the weights before training, the two newest of the other
/// checkpoint-*, best and last. Started again with the same arguments it goes on where it was; with others it refuses.
/// </summary>
public sealed class RunFolder
{
    /// <summary>Name of the file with a run's arguments.</summary>
    internal const string Arguments = "args.json";

    private const string Metrics = "metrics.jsonl", CheckpointPrefix = "checkpoint-", State = "trainer_state.json";
    private const int CheckpointsKept = 2;

    private RunFolder(string path) => FolderPath = path;

    /// <summary>Where it lies.</summary>
    public string FolderPath { get; }

    /// <summary>The finished model; there only once the run is complete.</summary>
    public string Last => Path.Combine(FolderPath, "last");

    /// <summary>The model with the best validation score.</summary>
    public string Best => Path.Combine(FolderPath, "best");

    /// <summary>Whether the run has done all its steps.</summary>
    public bool IsComplete => Directory.Exists(Last);

    /// <summary>Opens or begins a run.</summary>
    /// <exception cref="DataException">The folder cannot be written, belongs to something else, or to a run with other arguments.</exception>
    public static RunFolder Open(string path, JsonObject arguments)
    {
        string file = Path.Combine(path, Arguments);
        try
        {
            Directory.CreateDirectory(path);
            AtomicFolder.Recover(path, "*");
            if (File.Exists(file))
            {
                var earlier = JsonNode.Parse(File.ReadAllBytes(file)) as JsonObject ?? [];
                if (Difference("", earlier, arguments) is { } difference)
                    throw new DataException($"{path} holds a run with other arguments: {difference}; choose another --output-dir or the same arguments");
            }
            else if (Directory.EnumerateFileSystemEntries(path).Any(entry => !AtomicFile.IsLeftover(entry)))
            {
                throw new DataException($"{path} is not empty and not the folder of a run: it has no {Arguments}");
            }
            else
            {
                AtomicFile.Write(file, stream => stream.Write(JsonSerializer.SerializeToUtf8Bytes(arguments, RunJson.Default.JsonObject)));
            }
        }
        catch (JsonException e)
        {
            throw new DataException($"{file}: {e.Message}", e);
        }
        catch (Exception e) when (FileFailure.Is(e))
        {
            throw FileFailure.Writing(path, e, path);
        }
        return new RunFolder(path);
    }

    /// <summary>How a complete run ended.</summary>
    public TrainerState Finished => ReadState(NewestCheckpoint ?? throw new DataException($"{FolderPath}: the run is complete, but its checkpoints are gone"));

    /// <summary>The newest checkpoint, or null; metrics written after it are cut off.</summary>
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
            stream.Flush(flushToDisk: true); // the checkpoint's bytes are there for good, so must be the lines before it
            state = state with { MetricsBytes = stream.Length };
        });
        AtomicFolder.Write(Path.Combine(FolderPath, CheckpointPrefix + state.Step), folder =>
        {
            fill(folder);
            folder.Add(State, stream => JsonSerializer.Serialize(stream, state, RunJson.Default.TrainerState));
        });
    }

    /// <summary>Keeps the weights that training starts from. A run never goes on from them and never removes them.</summary>
    public void SaveStart(Action<AtomicFolder> writeModel) => AtomicFolder.Write(Path.Combine(FolderPath, CheckpointPrefix + "0"), writeModel);

    /// <summary>
    /// Removes checkpoints: those of an interruption once there is a newer one, then all but the newest. What is left does
    /// not depend on when the run was interrupted.
    /// </summary>
    /// <param name="isScheduled">Whether an uninterrupted run saves a checkpoint after so many steps.</param>
    public void RemoveOldCheckpoints(Func<long, bool> isScheduled)
    {
        var checkpoints = Checkpoints().ToArray();
        var keep = checkpoints.Where((checkpoint, i) => i == 0 || isScheduled(checkpoint.Step)).Take(CheckpointsKept);
        foreach (var (_, old) in checkpoints.Except(keep))
            AtomicFolder.Delete(old);
    }

    /// <summary>The newest checkpoint, or null.</summary>
    public string? NewestCheckpoint => Checkpoints().Select(checkpoint => checkpoint.FolderPath).FirstOrDefault();

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

    private static TrainerState ReadState(string checkpoint)
    {
        string file = Path.Combine(checkpoint, State);
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(file), RunJson.Default.TrainerState) ?? throw new DataException($"{file}: holds nothing");
        }
        catch (Exception e) when (e is JsonException || FileFailure.Is(e))
        {
            throw new DataException($"{file}: {Printable.OneLine(e.Message)}", e);
        }
    }

    // Newest first, without the weights before training.
    private IEnumerable<(long Step, string FolderPath)> Checkpoints() => Directory.GetDirectories(FolderPath, CheckpointPrefix + "*")
        .Select(path => (Step: long.TryParse(Path.GetFileName(path).AsSpan(CheckpointPrefix.Length), out long step) ? step : 0, path))
        .Where(checkpoint => checkpoint.Step > 0).OrderByDescending(checkpoint => checkpoint.Step);

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
