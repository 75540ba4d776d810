using VideoSim.Engine;
using VideoSim.Engine.Devices;
using VideoSim.Models.Checkpoints;
using VideoSim.Models.Progress;
using VideoSim.Models.Training;
using Xunit;

namespace VideoSim.Models.Tests.Training;

/// <summary>Finetuning takes a model's sizes from its checkpoint.</summary>
public sealed class CheckpointSizesTests(FinishedRuns runs) : IClassFixture<FinishedRuns>
{
    private static readonly string[] Steps =
        ["finetune.steps=2", "finetune.warmup=1", "finetune.encoder_warmup=1", "finetune.encoder_schedule_steps=2", "finetune.batch=4"];

    [Theory]
    [InlineData("tiny")]
    [InlineData("reference")]
    public void Finetune_PresetOfOtherSizes_KeepsThoseOfTheCheckpoint(string preset)
    {
        string output = runs.New($"sizes-{preset}");
        Finetune(output, preset, "mix");
        Assert.Equal(ModelFolder.Open(Path.Combine(runs.Pretrained, "last")).Configuration, ModelFolder.Open(Path.Combine(output, "last")).Configuration);
    }

    [Theory]
    [InlineData("mix", "model.encoder.hidden_size=32", "--set model.encoder.hidden_size=32, but in {0}, a mix, it is 64")]
    [InlineData("mix", "model.vlad_dropout=0.5", "--set model.vlad_dropout=0.5, but in {0}, a mix, it is 0.2")]
    [InlineData("uniter", "model.encoder.hidden_size=64", "the model in {0} is mix, not uniter")]
    public void Finetune_AskedForOtherSizes_NamesModelKeyAndBothValues(string model, string text, string expected)
    {
        string output = runs.New("contradiction");
        string message = Assert.Throws<DataException>(() => Finetune(output, "micro", model, "model.encoder.num_attention_heads=2", text)).Message;
        Assert.Equal(string.Format(System.Globalization.CultureInfo.InvariantCulture, expected, Path.Combine(runs.Pretrained, "last")), message);
        Assert.False(Directory.Exists(output));
    }

    private void Finetune(string output, string preset, string model, params string[] overrides)
    {
        using var device = new SmallDevice();
        var options = new RunOptions { OutputDirectory = output, Preset = preset, Model = model, Overrides = [.. Steps, .. overrides], Seed = 7 };
        Finetuning.Run(device, options, new DataFolder(runs.Data), runs.Pretrained, fold: 2, IProgressSink.None, TestContext.Current.CancellationToken);
    }

    // Enough for the checkpoint's model, too little for the reference's.
    private sealed class SmallDevice() : CpuDevice(threads: 1)
    {
        public override long MemoryBytes => 1 << 30;
    }
}
