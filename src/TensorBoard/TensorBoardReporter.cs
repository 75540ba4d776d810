using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Google.Protobuf;
using VideoSim.Models.Progress;
using VideoSim.TensorBoard.Messages;

namespace VideoSim.TensorBoard;

/// <summary>
/// Writes runs as event files for TensorBoard, in the folder <c>tensorboard</c> of each run: losses and rates as
/// <c>train/...</c>, scores as <c>validation/...</c>, the run's arguments as a text, and its hyper-parameters. A run
/// that continues or goes back begins a new file. The file's second event says from which step on values of older
/// files are not valid.
/// </summary>
/// <param name="clock">The time of events.</param>
public sealed class TensorBoardReporter(TimeProvider clock) : IMetricsReporter
{
    /// <summary>Name of the folder in the run's folder.</summary>
    public const string FolderName = "tensorboard";

    private const string Score = "val_", Step = "step", Loss = "loss";
    private static readonly string[] TableMetrics = ["validation/spearman", "train/loss"];

    private EventFile? _file;
    private long _step; // of the last event

    /// <inheritdoc/>
    public void Begin(ReportedRun run)
    {
        string folder = Path.Combine(run.Folder, FolderName);
        bool isFirst = EventFile.Files(folder).Length == 0;
        var now = clock.GetUtcNow();
        _file = new EventFile(folder, now);
        // A reader drops older values of this step and of later ones.
        _step = run.Lines.Count == 0 ? 0 : run.Step + 1;
        Write(new Event { SessionLog = new SessionLog { Status = SessionLog.Types.SessionStatus.Start } });
        _step = run.Step;
        Write(new Event { Summary = Text("configuration", run.Arguments.ToJsonString(new JsonSerializerOptions { WriteIndented = true })) });
        Write(new Event { Summary = HyperParameters.Begin(run.Arguments, TableMetrics, now) });
        // The reporter was not there when the run began.
        foreach (var line in isFirst ? run.Lines : [])
            Report(line);
    }

    /// <inheritdoc/>
    public void Report(JsonObject line)
    {
        string? group = line.ContainsKey(Loss) ? "train" : line.Any(static pair => pair.Key.StartsWith(Score, StringComparison.Ordinal)) ? "validation" : null;
        _step = line[Step]?.Deserialize(JsonNumbers.Default.Int64) ?? _step;
        var summary = new Summary();
        foreach (var (key, value) in line)
        {
            if (group is not null && key != Step && value?.GetValueKind() == JsonValueKind.Number)
                summary.Value.Add(new Summary.Types.Value { Tag = $"{group}/{(key.StartsWith(Score, StringComparison.Ordinal) ? key[Score.Length..] : key)}", SimpleValue = (float)value.Deserialize(JsonNumbers.Default.Double) });
        }
        if (summary.Value.Count > 0)
            Write(new Event { Summary = summary });
    }

    /// <inheritdoc/>
    public void End() => Write(new Event { Summary = HyperParameters.End(clock.GetUtcNow()) });

    // TensorBoard shows texts as Markdown. There, indented lines are code.
    private static Summary Text(string tag, string text) => new()
    {
        Value =
        {
            new Summary.Types.Value
            {
                Tag = tag,
                Metadata = new SummaryMetadata { PluginData = new SummaryMetadata.Types.PluginData { PluginName = "text" }, DataClass = DataClass.Tensor },
                Tensor = new TensorProto
                {
                    Dtype = DataType.DtString,
                    TensorShape = new TensorShapeProto { Dim = { new TensorShapeProto.Types.Dim { Size = 1 } } },
                    StringVal = { ByteString.CopyFromUtf8("    " + text.ReplaceLineEndings("\n    ")) },
                },
            },
        },
    };

    private void Write(Event written)
    {
        written.Step = _step;
        (_file ?? throw new InvalidOperationException("no run has begun")).Write(written, clock.GetUtcNow());
    }
}

/// <summary>JSON of single numbers.</summary>
[JsonSerializable(typeof(double))]
[JsonSerializable(typeof(long))]
internal sealed partial class JsonNumbers : JsonSerializerContext;
