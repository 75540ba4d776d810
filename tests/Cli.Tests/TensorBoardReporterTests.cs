using System.Buffers.Binary;
using System.Text.Json.Nodes;
using VideoSim.Models.Progress;
using VideoSim.TensorBoard;
using VideoSim.TensorBoard.Messages;
using Xunit;

namespace VideoSim.Cli.Tests;

/// <summary>
/// The events of a run. tests/tensorboard/check.py reads the files of whole runs without code of VideoSim.
/// </summary>
public sealed class TensorBoardReporterTests : IDisposable
{
    private static readonly JsonObject Arguments = JsonNode.Parse("""
        {"command":"finetune","preset":"tiny","seed":7,"model":{"tags":3},"finetune":{"batch":4,"rate":0.001,"precision":"fp32","losses":{"kl_weight":0.5}}}
        """)!.AsObject();

    private readonly string _run = Directory.CreateTempSubdirectory("videosim-test-").FullName;
    private readonly Clock _clock = new();
    private readonly TensorBoardReporter _reporter;

    public TensorBoardReporterTests() => _reporter = new TensorBoardReporter(_clock);

    private string Folder => Path.Combine(_run, TensorBoardReporter.FolderName);

    public void Dispose() => Directory.Delete(_run, recursive: true);

    [Fact]
    public void Events_OfANewRun_AreItsArgumentsAndValues()
    {
        Begin(0);
        Report("""{"step":0,"val_spearman":0.25,"tag_f1":0.5}""");
        Report("""{"step":5,"loss":1.5,"tag":2,"learning_rate":0.001,"grad_norm":3}""");
        Report("""{"step":6,"early_stopping":3}""");
        _reporter.End();

        string file = Assert.Single(Directory.GetFiles(Folder));
        Assert.Equal("events.out.tfevents.1700000000.videosim", Path.GetFileName(file));
        var events = Read(file);
        Assert.Equal("brain.Event:2", events[0].FileVersion);
        Assert.Equal((SessionLog.Types.SessionStatus.Start, 0), (events[1].SessionLog.Status, events[1].Step));
        Assert.All(events, static written => Assert.Equal(1_700_000_000.5, written.WallTime));

        var text = Assert.Single(events[2].Summary.Value);
        Assert.Equal(("configuration", "text"), (text.Tag, text.Metadata.PluginData.PluginName));
        string markdown = Assert.Single(text.Tensor.StringVal).ToStringUtf8();
        Assert.All(markdown.Split('\n'), static line => Assert.StartsWith("    ", line, StringComparison.Ordinal));
        Assert.True(JsonNode.DeepEquals(Arguments, JsonNode.Parse(markdown)));

        var table = events[3].Summary.Value.Select(static value => HParamsPluginData.Parser.ParseFrom(value.Metadata.PluginData.Content)).ToArray();
        Assert.Equal(["preset", "seed", "batch", "rate", "precision", "losses.kl_weight"], table[0].Experiment.HparamInfos.Select(static info => info.Name));
        Assert.Equal(["validation/spearman", "train/loss"], table[0].Experiment.MetricInfos.Select(static info => info.Name.Tag));
        var values = table[1].SessionStartInfo.Hparams;
        Assert.Equal(("tiny", 7, 0.001, 0.5), (values["preset"].StringValue, values["seed"].NumberValue, values["rate"].NumberValue, values["losses.kl_weight"].NumberValue));
        Assert.Equal(["_hparams_/experiment", "_hparams_/session_start_info"], events[3].Summary.Value.Select(static value => value.Tag));

        Assert.Equal([(0, "validation/spearman", 0.25f), (0, "validation/tag_f1", 0.5f), (5, "train/loss", 1.5f), (5, "train/tag", 2), (5, "train/learning_rate", 0.001f), (5, "train/grad_norm", 3)],
            events[4..^1].SelectMany(static written => written.Summary.Value.Select(value => (written.Step, value.Tag, value.SimpleValue))));
        Assert.Equal(SessionEndInfo.Types.Status.Success, HParamsPluginData.Parser.ParseFrom(events[^1].Summary.Value[0].Metadata.PluginData.Content).SessionEndInfo.Status);
    }

    // A reader drops values of the start's step and of later ones, so the start is one step after the checkpoint.
    [Fact]
    public void Begin_OfARunThatContinues_MakesALaterFileThatStartsAfterTheCheckpoint()
    {
        const string first = """{"step":0,"val_spearman":0.25}""", last = """{"step":5,"loss":1.5}""";
        Begin(0);
        Report(first);
        Report(last);
        Report("""{"step":10,"loss":1.25}""");
        Begin(5, first, last); // in the same second
        Report("""{"step":10,"loss":1}""");
        _clock.Now -= TimeSpan.FromDays(1);
        Begin(0); // killed before the first checkpoint
        string[] files = [.. Directory.GetFiles(Folder).Order(StringComparer.Ordinal)];
        Assert.Equal(["1700000000", "1700000001", "1700000002"], files.Select(static file => Path.GetFileName(file).Split('.')[3]));
        Assert.Equal([0, 6, 0], files.Select(static file => Read(file)[1].Step));
        Assert.Equal([3, 1, 0], files.Select(static file => Read(file).Length - 4));
    }

    [Fact]
    public void Begin_OfARunWithoutEvents_WritesTheLinesSoFar()
    {
        Begin(5, """{"step":0,"val_spearman":0.25}""", """{"step":5,"loss":1.5}""");
        var events = Read(Assert.Single(Directory.GetFiles(Folder)));
        Assert.Equal([(0, "validation/spearman"), (5, "train/loss")], events[4..].Select(static written => (written.Step, written.Summary.Value[0].Tag)));
    }

    private static Event[] Read(string file)
    {
        var events = new List<Event>();
        byte[] bytes = File.ReadAllBytes(file);
        for (int at = 0; at < bytes.Length;)
        {
            int length = (int)BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(at));
            events.Add(Event.Parser.ParseFrom(bytes, at + 12, length));
            at += 16 + length;
        }
        return [.. events];
    }

    private static JsonObject Parse(string line) => JsonNode.Parse(line)!.AsObject();

    private void Begin(long step, params string[] lines) => _reporter.Begin(new ReportedRun(_run, Arguments, step, [.. lines.Select(Parse)]));

    private void Report(string line) => _reporter.Report(Parse(line));

    private sealed class Clock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_500);

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
