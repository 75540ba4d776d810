using VideoSim.Models.Progress;
using VideoSim.TensorBoard;
using Xunit;

namespace VideoSim.Cli.Tests.Commands;

/// <summary><c>--report-to</c>.</summary>
[Collection(nameof(CommandTests))]
public sealed class ReportToTests(CommandWorld world)
{
    [Theory]
    [InlineData("--report-to", "tensorboard", "csv")]
    [InlineData("--report-to", "csv", "--report-to", "tensorboard", "--report-to", "csv")]
    public void ReportTo_BothNames_WritesBoth(params string[] options)
    {
        string output = world.New();
        Shell.Run([.. CommandWorld.Finetune(world.Data, world.Pretrained, output), .. options]).AssertDone();
        int lines = File.ReadAllLines(Path.Combine(output, "metrics.jsonl")).Length;
        Assert.Equal(1 + lines, File.ReadAllLines(Path.Combine(output, CsvReporter.FileName)).Length);
        Assert.Single(Directory.GetFiles(Path.Combine(output, TensorBoardReporter.FolderName)));
    }

    [Fact]
    public void ReportTo_AnotherName_IsRefused() => Shell.Run([.. CommandWorld.Finetune(world.Data, world.Pretrained, world.New()), "--report-to", "wandb"])
        .AssertFailed(2, "--report-to cannot be 'wandb'; it must be tensorboard or csv");
}
