using VideoSim.Engine.Devices;
using VideoSim.Models.Progress;
using VideoSim.Models.Reproduction;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Models.Tests.Reproduction;

/// <summary>A reproduction that one process has done: two models with two folds each.</summary>
public sealed class DoneReproduction : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("videosim-test-").FullName;

    public DoneReproduction()
    {
        TinyData.Write(Path.Combine(_root, "data"));
        using var device = new CpuDevice(threads: 1);
        new ReproductionRun(device, Options(Output), Notes, TimeProvider.System, CancellationToken.None).RunAll();
    }

    internal string Output => Path.Combine(_root, "done");

    internal Notes Notes { get; } = new();

    public void Dispose() => Directory.Delete(_root, recursive: true);

    internal string New() => Path.Combine(_root, Guid.NewGuid().ToString("N")[..8]);

    internal ReproductionOptions Options(string output) => new()
    {
        OutputDirectory = output, Preset = "micro", Models = ["mix", "mix-asl"], Folds = 2, Data = Path.Combine(_root, "data"), Seed = 5, TakeoverAfter = TimeSpan.FromSeconds(60),
        Overrides = [.. TinyData.Overrides, .. from stage in new[] { "pretrain", "finetune" } from key in new[] { "steps=2", "warmup=1", "log_every=1", "checkpoint_every=1" } select (VideoSim.Models.Recipes.Override)$"{stage}.{key}"],
    };

    /// <summary>The results and the runs of a reproduction have the same bytes.</summary>
    internal void AssertSame(string output)
    {
        foreach (string name in new[] { "summary.json", "result.zip" })
            Assert.Equal(File.ReadAllBytes(Path.Combine(Output, name)), File.ReadAllBytes(Path.Combine(output, name)));
        // args.json and inputs.json of a fold have the path of its pretraining.
        Folders.AssertEqual(Output, output, except: ["args.json", "inputs.json", .. Directory.GetFiles(Path.Combine(Output, "parts")).Select(static file => Path.GetFileName(file)), "timing.json"]);
    }
}

/// <summary>Keeps notes, and calls a test at each one and when a piece of work begins.</summary>
internal sealed class WatchedNotes : IProgressSink
{
    public List<string> Lines { get; } = [];

    public List<string> Warnings { get; } = [];

    public Action<string> OnNote { get; set; } = static _ => { };

    public void Begin(string label, long total, long done) => OnNote($"work: {label}");

    public void Report(long done, string text)
    {
    }

    public void End(string text)
    {
    }

    public void Warn(string text)
    {
        Warnings.Add(text);
        Note(text);
    }

    public void Note(string text)
    {
        Lines.Add(text);
        OnNote(text);
    }
}
