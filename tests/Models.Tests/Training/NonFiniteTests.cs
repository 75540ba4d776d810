using System.Runtime.InteropServices;
using VideoSim.Engine;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Checkpoints;
using VideoSim.Models.Progress;
using VideoSim.Models.Recipes;
using VideoSim.Models.Records;
using VideoSim.Models.Training;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Models.Tests.Training;

/// <summary>A value that stops being finite stops the run before anything is saved, and is named.</summary>
public sealed class NonFiniteTests(FinishedRuns runs) : IClassFixture<FinishedRuns>
{
    // The micro preset logs and saves every 5 steps.
    [Fact]
    public unsafe void Gradient_NotFinite_StopsAtTheNextLogLine()
    {
        using var job = new TinyJob(threads: 1);
        string message = Assert.Throws<DataException>(() => job.Train(pairs: false, (number, slot) =>
        {
            job.Fill(number, slot);
            if (number == 6)
                slot[0].Frames.Halves[3] = Half.NaN;
        }, IProgressSink.None)).Message;
        Assert.StartsWith("job: the gradient of ", message, StringComparison.Ordinal);
        Assert.EndsWith($" is not finite at step 7; the last good checkpoint is {Path.Combine(job.Output, "checkpoint-5")}; go on with --on-nan rollback, or begin again with a smaller --learning-rate or with --max-grad-norm 1", message, StringComparison.Ordinal);
        Assert.Equal(["args.json", "best", "checkpoint-0", "checkpoint-5", "environment.json", "inputs.json", "metrics.jsonl", "timing.jsonl"], Left(job.Output));
        string[] metrics = File.ReadAllLines(Path.Combine(job.Output, "metrics.jsonl"));
        Assert.Equal(3, metrics.Length); // of steps 0 and 5, and the stop
        Assert.StartsWith("{\"step\":10,\"stopped\":\"the gradient of ", metrics[2], StringComparison.Ordinal);
    }

    // Finite gradients, weights out of range: nothing but the weights themselves shows it at the first save.
    [Theory]
    [InlineData("pretrain.checkpoint_every=1", "pretrain.log_every=1000")]
    [InlineData("pretrain.evaluate_every=1", "pretrain.checkpoint_every=1000")]
    public void Rate_Absurd_SavesNothing(string interval, string other)
    {
        string output = runs.New($"absurd-{interval.Split('=')[0]}");
        using var device = new CpuDevice(1);
        var options = TinyRun.Options(output, false, "pretrain.warmup=0", "pretrain.encoder_warmup=0", "pretrain.rate=1e38", "pretrain.weight_decay=1e10", interval, other);
        string message = Assert.Throws<DataException>(() => Pretraining.Run(device, options, new DataFolder(runs.Data), IProgressSink.None, TestContext.Current.CancellationToken)).Message;
        Assert.StartsWith("mix pretrain: ", message, StringComparison.Ordinal);
        Assert.EndsWith(" is not finite at step 1, before the first checkpoint; go on with --on-nan rollback, or begin again with a smaller --learning-rate or with --max-grad-norm 1", message, StringComparison.Ordinal);
        Assert.Equal(["args.json", "checkpoint-0", "embeddings.json", "environment.json", "inputs.json", "metrics.jsonl", "timing.jsonl", "validation.tsv"], Left(output));
    }

    // reproduce has keys of both stages instead of their options. A start without a log line can begin again.
    [Fact]
    public void Failure_InAReproduction_NamesTheKeysOfTheStage()
    {
        string output = runs.New("absurd-part");
        using var device = new CpuDevice(1);
        var options = TinyRun.Options(output, false, "pretrain.warmup=0", "pretrain.encoder_warmup=0", "pretrain.rate=1e30", "pretrain.evaluate_every=1") with { IsPart = true };
        string message = Assert.Throws<DataException>(() => Pretraining.Run(device, options, new DataFolder(runs.Data), IProgressSink.None, TestContext.Current.CancellationToken)).Message;
        Assert.EndsWith("; go on with --set pretrain.on_nan=rollback, or begin again with a smaller --set pretrain.rate or with --set pretrain.max_grad_norm=1", message, StringComparison.Ordinal);
        TinyRun.Pretrain(runs.Data, output);
    }

    // Weights that are finite and too large: losses and gradients of the step before are finite as well.
    [Fact]
    public void Rate_Huge_StopsAtTheValidationThatMeetsIt()
    {
        string output = runs.New("huge");
        using var device = new CpuDevice(1);
        var options = TinyRun.Options(output, false, "pretrain.warmup=0", "pretrain.encoder_warmup=0", "pretrain.rate=1e30", "pretrain.evaluate_every=1");
        string message = Assert.Throws<DataException>(() => Pretraining.Run(device, options, new DataFolder(runs.Data), IProgressSink.None, TestContext.Current.CancellationToken)).Message;
        Assert.Matches(@"^mix pretrain: the embedding of video '\d+' is not finite at step 1, before the first checkpoint; go on with --on-nan rollback, or begin again with a smaller --learning-rate or with --max-grad-norm 1$", message);
    }

    [Theory]
    [InlineData(1e15f)]
    [InlineData(1e30f)]
    [InlineData(float.MaxValue)]
    public void Finetune_FromHugeWeights_NamesStepAndVideo(float factor)
    {
        using var device = new CpuDevice(1);
        string start = Scaled(device, factor, static _ => true), output = runs.New($"from-{factor}");
        string message = Assert.Throws<DataException>(() => Finetuning.Run(device, TinyRun.Options(output), new DataFolder(runs.Data), start, fold: 2, IProgressSink.None,
            TestContext.Current.CancellationToken)).Message;
        Assert.Matches(@"^mix finetune fold 2: the embedding of video '\d+' is not finite at step 0, before the first checkpoint; nothing is trained yet, so the fault is in the starting weights or in the videos$", message);
        using (var next = RunFolder.Open(output, TinyRun.Arguments("finetune", seed: 99)))
            Assert.True(next.IsNew); // the folder is free for other arguments
        Assert.Equal(["args.json", "environment.json", "inputs.json", "metrics.jsonl", "timing.jsonl"], Left(output));
    }

    [Fact]
    public void Embed_WithHugeWeights_NamesFileAndVideo()
    {
        using var device = new CpuDevice(1);
        string start = Scaled(device, 1e30f, static _ => true), output = runs.New("huge.npy");
        string message = Assert.Throws<DataException>(() => TinyRun.Embed(runs.Data, start, output)).Message;
        Assert.Equal($"{new DataFolder(runs.Data).Test("b")}: the embedding of video '{TinyData.Id(4000)}' is not finite: the model's weights are too large", message);
        Assert.False(File.Exists(output));
    }

    // The embedding does not depend on the tag head.
    [Fact]
    public void ScoreTags_WithAHugeHead_NamesTheVideo()
    {
        using var device = new CpuDevice(1);
        var folder = ModelFolder.Open(Scaled(device, float.PositiveInfinity, static name => name.Contains("classifier.weight", StringComparison.Ordinal)));
        var model = folder.Load(device, training: false);
        using var parameters = model.Parameters;
        using var embedder = new Embedder(device, model, folder.Configuration, scoresTags: true);
        var index = RecordIndex.Build([new DataFolder(runs.Data).Test("b")], folder.Configuration.FrameWidth, cancellation: TestContext.Current.CancellationToken);
        float[] embeddings = embedder.Embed(index, [3, 1], folder.Tokenizer, folder.Tags, cancellation: TestContext.Current.CancellationToken);
        Assert.All(embeddings, static value => Assert.True(float.IsFinite(value)));
        Assert.Equal($"a tag's logit of video '{TinyData.Id(4003)}'", embedder.NonFinite);
    }

    // A copy of the pretrained model whose weights of some names are larger, as large as fp32 can hold at most.
    private string Scaled(CpuDevice device, float factor, Func<string, bool> isScaled)
    {
        var folder = ModelFolder.Open(Path.Combine(runs.Pretrained, "last"));
        var model = folder.Load(device, training: false);
        using var parameters = model.Parameters;
        foreach (var (name, value, _, _) in parameters.Parts().Where(part => isScaled(part.Name)))
        {
            float[] values = new float[value.Shape.Count];
            device.Download(value.Address, MemoryMarshal.AsBytes(values.AsSpan()));
            parameters.Upload(Array.ConvertAll(values, weight => Math.Clamp(weight * factor, -float.MaxValue, float.MaxValue)), value);
        }
        string copy = runs.New(Guid.NewGuid().ToString("N"));
        AtomicFolder.Write(copy, target => ModelFolder.Write(target, device, model, folder.Configuration, folder.Tokenizer, folder.Tags,
            new ModelCard { Stage = "test", Preset = "micro", Seed = 1, Recipe = Preset.Load("micro", "mix", []).Pretrain, Inputs = [] }));
        return copy;
    }

    // What a run leaves, but for its lock.
    private static IEnumerable<string> Left(string run) =>
        Directory.GetFileSystemEntries(run).Select(static path => Path.GetFileName(path)!).Where(static name => name != ".lock").Order(StringComparer.Ordinal);
}
