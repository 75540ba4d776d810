using VideoSim.Engine;
using VideoSim.Engine.Devices;
using VideoSim.Models.Progress;
using VideoSim.Models.Reproduction;
using VideoSim.Models.Training;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Models.Tests.Training;

/// <summary>A run is not deleted if the command would lose an input with it.</summary>
public sealed class OverwrittenInputTests(FinishedRuns runs) : IClassFixture<FinishedRuns>
{
    [Theory]
    [InlineData("own", "")]
    [InlineData("model", "last")]
    [InlineData("link", "link")]
    [InlineData("dots", "best/../last")]
    public void Finetune_FromTheRunItself_IsRefused(string name, string model)
    {
        string run = CopyOfFinetuned(name), pretrained = Path.Combine(run, model);
        if (model == "link")
        {
            pretrained = runs.New("link-to-model");
            Directory.CreateSymbolicLink(pretrained, Path.Combine(run, "last"));
        }
        AssertKept(run, "--pretrained", () => Finetune(pretrained, run));
    }

    // The run of the option is another one, but fold 3 follows and is overwritten too.
    [Fact]
    public void Finetune_FromALaterFold_IsRefused()
    {
        string run = CopyOfFinetuned("later");
        AssertKept(run, "--pretrained", () => Finetune(run, runs.New("first"), run));
    }

    // Of a link in the run only the link is deleted.
    [Fact]
    public void Finetune_FromWhatALinkOfTheRunNames_IsAllowed()
    {
        string run = CopyOfFinetuned("linking"), last = Path.Combine(run, "last"), model = runs.New("moved");
        Directory.Move(last, model);
        Directory.CreateSymbolicLink(last, model);
        Finetune(model, run);
        Assert.True(Directory.Exists(model) && new DirectoryInfo(last).LinkTarget is null);
    }

    [Fact]
    public void Pretrain_WithFilesOfTheRun_IsRefused()
    {
        string run = runs.CopyOfPretrained("files");
        var options = TinyRun.Options(run) with { Overwrite = true };
        AssertKept(run, "--vocab", () => Pretrain(options with { Text = new TextSource(Path.Combine(run, "last", "vocab.txt")) }), runs.Pretrained);
        AssertKept(run, "--config", () => Pretrain(options with { Files = [new InputFile("--config", Path.Combine(run, "best", "config.json"))] }), runs.Pretrained);
    }

    [Fact]
    public void Reproduction_FromTheDataThatItMade_IsRefused()
    {
        string folder = runs.New("made"), data = Path.Combine(folder, "data");
        using (var run = RunFolder.Open(folder, TinyRun.Arguments(ReproductionLayout.Command), layout: new ReproductionLayout()))
            run.Begin(null, IProgressSink.None);
        TinyData.Write(data);
        using var device = new CpuDevice(1);
        var options = new ReproductionOptions { OutputDirectory = folder, Preset = "micro", Models = ["mix"], Data = data, Overwrite = true, Overrides = [.. TinyData.Overrides] };
        string message = Assert.Throws<DataException>(() => new ReproductionRun(device, options, IProgressSink.None, TimeProvider.System, CancellationToken.None).RunAll()).Message;
        Assert.StartsWith($"--data: {Path.Combine(data, "pointwise")}", message, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(data, "pairwise", "label.tsv")));
    }

    private void AssertKept(string run, string option, Action start, string? original = null)
    {
        string message = Assert.Throws<DataException>(start).Message;
        Assert.StartsWith($"{option}: ", message, StringComparison.Ordinal);
        Assert.EndsWith($" would be deleted with the run in {run}; choose another --output-dir", message, StringComparison.Ordinal);
        Folders.AssertEqual(original ?? runs.Finetuned, run);
    }

    private void Pretrain(RunOptions options)
    {
        using var device = new CpuDevice(1);
        Pretraining.Run(device, options, new DataFolder(runs.Data), IProgressSink.None, CancellationToken.None);
    }

    private void Finetune(string pretrained, string output, params string[] later)
    {
        using var device = new CpuDevice(1);
        Finetuning.Run(device, TinyRun.Options(output) with { Overwrite = true, Later = later }, new DataFolder(runs.Data), pretrained, fold: 2, IProgressSink.None, CancellationToken.None);
    }

    private string CopyOfFinetuned(string name)
    {
        string copy = runs.New(name);
        foreach (string file in Directory.GetFiles(runs.Finetuned, "*", SearchOption.AllDirectories))
        {
            string target = Path.Combine(copy, Path.GetRelativePath(runs.Finetuned, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
        return copy;
    }
}
