using VideoSim.Models.Progress;
using VideoSim.TensorBoard;
using Xunit;

namespace VideoSim.Cli.Tests.Commands;

/// <summary><c>--report-to</c>.</summary>
[Collection(nameof(CommandTests))]
public sealed class ReportToTests(CommandWorld world)
{
    [Fact]
    public void ReportTo_BothNames_WritesBothAndAnOverwrittenRunHasNone()
    {
        string output = world.New(), table = Path.Combine(output, CsvReporter.FileName), events = Path.Combine(output, TensorBoardReporter.FolderName);
        string[] command = CommandWorld.Finetune(world.Data, world.Pretrained, output);
        Shell.Run([.. command, "--report-to", "csv,tensorboard", "--report-to", "csv"]).AssertDone();
        int lines = File.ReadAllLines(Path.Combine(output, "metrics.jsonl")).Length;
        Assert.Equal(1 + lines, File.ReadAllLines(table).Length);
        Assert.Single(Directory.GetFiles(events));
        Shell.Run([.. command, "--overwrite-output-dir"]).AssertDone();
        Assert.False(File.Exists(table) || Directory.Exists(events));
    }

    [Fact]
    public void ReportTo_AnotherName_IsRefused() => Shell.Run([.. CommandWorld.Finetune(world.Data, world.Pretrained, world.New()), "--report-to", "wandb"])
        .AssertFailed(2, "--report-to cannot be 'wandb'; it must be tensorboard or csv");
}
