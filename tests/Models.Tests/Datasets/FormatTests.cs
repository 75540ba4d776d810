using VideoSim.Engine.Devices;
using VideoSim.Models.Datasets;
using VideoSim.Models.Progress;
using VideoSim.Models.Recipes;
using VideoSim.Models.Training;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Models.Tests.Datasets;

/// <summary>A run depends on the videos, not on the format of their files.</summary>
public sealed class FormatTests : IDisposable
{
    static FormatTests() => VideoFormats.Add(new JsonLinesFormat());

    private readonly string _root = Directory.CreateTempSubdirectory("videosim-test-").FullName;

    [Fact]
    public void BothStages_OnJsonLines_EndWithTheWeightsOfTfRecords()
    {
        var data = new DataFolder(Path.Combine(_root, "data"));
        TinyData.Write(data.Root);
        var expected = Train(data, "records");
        JsonLinesFormat.Convert(data.Root, TinyData.FrameWidth);
        Assert.Equal(expected, Train(data, "lines"));
        Assert.Empty(DataSurvey.Of(data, [new TextSource()], [Preset.Load("micro", "mix", [.. TinyData.Overrides])]).Problems);
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    // Pretrains and finetunes a model, twice each: a finished run reads its data's digests again.
    private (string Pretrained, string Finetuned) Train(DataFolder data, string name)
    {
        using var device = new CpuDevice(threads: 1);
        var options = new RunOptions
        {
            OutputDirectory = Path.Combine(_root, name, "pretrain"), Preset = "micro", Model = "uniter", Seed = 7,
            Overrides = [.. TinyData.Overrides, "pretrain.steps=5", "pretrain.encoder_schedule_steps=5", "finetune.steps=5", "finetune.encoder_schedule_steps=5"],
        };
        var fold = options with { OutputDirectory = Path.Combine(_root, name, "fold-1") };
        for (int i = 0; i < 2; i++)
        {
            Pretraining.Run(device, options, data, IProgressSink.None, CancellationToken.None);
            Finetuning.Run(device, fold, data, options.OutputDirectory, fold: 1, IProgressSink.None, CancellationToken.None);
        }
        return (Weights(options), Weights(fold));
    }

    private static string Weights(RunOptions run) => FileDigest.OfContent(Path.Combine(run.OutputDirectory, "last", "model.safetensors")).Sha256;
}
