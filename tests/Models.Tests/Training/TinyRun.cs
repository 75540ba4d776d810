using System.Text.Json.Nodes;
using VideoSim.Engine.Devices;
using VideoSim.Models.Checkpoints;
using VideoSim.Models.Progress;
using VideoSim.Models.Records;
using VideoSim.Models.Submissions;
using VideoSim.Models.Training;
using VideoSim.Tests.Shared;

namespace VideoSim.Models.Tests.Training;

/// <summary>Runs of the micro preset on <see cref="TinyData"/>.</summary>
internal static class TinyRun
{
    // Batches large enough that kernels of every kind are worth sharing between threads.
    private static readonly string[] Overrides = [.. TinyData.Overrides, "pretrain.batch=16", "finetune.batch=8", "pretrain.checkpoint_every=4", "finetune.checkpoint_every=4"];

    /// <summary>The least that args.json of a run has.</summary>
    internal static JsonObject Arguments(string command = "pretrain", int seed = 7) => new() { ["command"] = command, ["preset"] = "micro", ["seed"] = seed, ["data"] = "synthetic" };

    internal static RunOptions Options(string output, bool eager = false, params string[] overrides) =>
        new() { OutputDirectory = output, Preset = "micro", Model = "mix", Overrides = [.. Overrides, .. overrides], Seed = 7, Eager = eager };

    internal static void Pretrain(string data, string output, int threads = 1, bool eager = false, StopAt? stop = null)
    {
        using var device = new CpuDevice(threads);
        Pretraining.Run(device, Options(output, eager), new DataFolder(data), stop ?? IProgressSink.None, stop?.Token ?? CancellationToken.None);
    }

    /// <summary>Pretrains with changed keys.</summary>
    internal static void Pretrain(string data, string output, string[] overrides, IProgressSink? progress = null, CancellationTokenSource? stop = null, bool overwrite = false, bool mayGrow = true)
    {
        using var device = new CpuDevice(1);
        Pretraining.Run(device, Options(output, false, overrides) with { Overwrite = overwrite, IsPart = !mayGrow }, new DataFolder(data), progress ?? IProgressSink.None, stop?.Token ?? CancellationToken.None);
    }

    internal static double Finetune(
        string data, string pretrained, string output, int threads = 1, bool eager = false, StopAt? stop = null)
    {
        using var device = new CpuDevice(threads);
        return Finetuning.Run(device, Options(output, eager), new DataFolder(data), pretrained, fold: 2, stop ?? IProgressSink.None, stop?.Token ?? CancellationToken.None)!.Value;
    }

    /// <summary>Writes the embeddings of test_b in single precision, so that every bit counts.</summary>
    internal static void Embed(string data, string checkpoint, string output, int threads = 1, bool eager = false)
    {
        using var device = new CpuDevice(threads);
        var folder = ModelFolder.Open(checkpoint);
        var model = folder.Load(device, training: false);
        using var parameters = model.Parameters;
        using var embedder = new Embedder(device, model, folder.Configuration, eager);
        var index = RecordIndex.Build([new DataFolder(data).Test("b")], folder.Configuration.FrameWidth);
        SubmissionFile.Write(output, embedder.EmbedAll(index, folder.Tokenizer, folder.Tags, IProgressSink.None, CancellationToken.None), EmbeddingRounding.Single);
    }
}

/// <summary>Asks the run to stop as soon as its training reports a step.</summary>
internal sealed class StopAt(long step) : IProgressSink, IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private bool _isTraining;

    public CancellationToken Token => _stop.Token;

    public void Begin(string label, long total, long done) => _isTraining = label.Contains("train", StringComparison.Ordinal) || label.Contains("tune", StringComparison.Ordinal);

    public void Report(long done, string text)
    {
        if (_isTraining && done == step)
            _stop.Cancel();
    }

    public void End(string text)
    {
    }

    public void Note(string text)
    {
    }

    public void Dispose() => _stop.Dispose();
}

/// <summary>Calls a test when the training of a run reports a step or a note.</summary>
internal sealed class Watcher(Action<long> onStep, Action<string>? onNote = null) : IProgressSink
{
    private bool _isTraining;

    public void Begin(string label, long total, long done)
    {
        _isTraining = label == "job" || label.Contains("train", StringComparison.Ordinal);
        if (_isTraining)
            onStep(done);
    }

    public void Report(long done, string text)
    {
        if (_isTraining)
            onStep(done);
    }

    public void End(string text)
    {
    }

    public void Note(string text) => onNote?.Invoke(text);
}

/// <summary>Ends a run without a save, as a kill does.</summary>
internal sealed class KilledException : Exception;

/// <summary>
/// A pretraining run, a finetuning run from it and its embeddings: one thread, planned, never interrupted.
/// </summary>
public sealed class FinishedRuns : IDisposable
{
    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("videosim-test-");

    public FinishedRuns()
    {
        TinyData.Write(Data);
        TinyRun.Pretrain(Data, Pretrained);
        TinyRun.Finetune(Data, Pretrained, Finetuned);
        TinyRun.Embed(Data, Path.Combine(Finetuned, "last"), Embeddings);
    }

    internal string Data => Path.Combine(_root.FullName, "data");

    internal string Pretrained => Path.Combine(_root.FullName, "pretrained");

    internal string Finetuned => Path.Combine(_root.FullName, "finetuned");

    internal string Embeddings => Path.Combine(_root.FullName, "embeddings.npy");

    /// <summary>A copy of the pretraining run.</summary>
    internal string CopyOfPretrained(string name)
    {
        string copy = New(name);
        Folders.Copy(Pretrained, copy);
        return copy;
    }

    /// <summary>Where another run may go.</summary>
    internal string New(string name) => Path.Combine(_root.FullName, name);

    public void Dispose() => _root.Delete(recursive: true);
}
