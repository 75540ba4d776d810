using VideoSim.Engine;
using VideoSim.Models.Training;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Models.Tests.Training;

/// <summary>Another process moves, deletes, replaces or changes the folder of a run while the run goes on.</summary>
public sealed class ChangedWhileTrainingTests(FinishedRuns runs) : IClassFixture<FinishedRuns>
{
    private const long Step = 9;

    // What has the path afterwards belongs to somebody else, and nothing is written there.
    [Theory]
    [InlineData("moved")]
    [InlineData("deleted")]
    [InlineData("a folder")]
    [InlineData("another run")]
    public void Folder_NotTheSame_EndsTheRun(string what)
    {
        string run = runs.New($"run, {what}"), moved = run + ".moved", kept = run + ".kept";
        var error = Assert.Throws<DataException>(() => Pretrain(run, () =>
        {
            Directory.Move(run, moved);
            if (what == "deleted")
                Directory.Delete(moved, recursive: true);
            if (what == "a folder")
                File.WriteAllText(Path.Combine(Directory.CreateDirectory(run).FullName, "notes"), "mine");
            if (what == "another run")
                Directory.Move(runs.CopyOfPretrained("other, while training"), run);
            if (Directory.Exists(run))
                Folders.Copy(run, kept);
        }));
        Assert.Equal($"{run}: was moved, deleted or replaced while the run goes on; the run ends, and nothing more is written", error.Message);
        Assert.Equal(Directory.Exists(kept), Directory.Exists(run));
        if (Directory.Exists(run))
            Folders.AssertEqual(kept, run);
        if (what == "deleted")
            return;
        // It goes on where the folder is now.
        TinyRun.Pretrain(runs.Data, moved);
        Folders.AssertEqual(runs.Pretrained, moved);
    }

    [Theory]
    [InlineData("deleted")]
    [InlineData("shorter")]
    [InlineData("longer")]
    public void Metrics_Changed_EndTheRun(string how)
    {
        string run = runs.New($"metrics, {how}"), file = Path.Combine(run, RunMetrics.Name), content = "";
        var error = Assert.Throws<DataException>(() => Pretrain(run, () =>
        {
            content = File.ReadAllText(file);
            if (how == "deleted")
                File.Delete(file);
            else
                File.WriteAllText(file, how == "shorter" ? content[..^3] : content + "junk\n");
        }));
        int now = how switch { "deleted" => 0, "shorter" => content.Length - 3, _ => content.Length + 5 };
        Assert.Equal($"{file}: has {now} bytes, but had {content.Length} after the last line: it was changed while the run goes on; restore the file, or begin again with --overwrite-output-dir", error.Message);
        File.WriteAllText(file, content);
        TinyRun.Pretrain(runs.Data, run);
        Folders.AssertEqual(runs.Pretrained, run);
    }

    [Fact]
    public void Arguments_Deleted_AreWrittenAgain()
    {
        string run = runs.New("arguments, deleted");
        Pretrain(run, () => File.Delete(Path.Combine(run, RunFolder.Arguments)));
        Folders.AssertEqual(runs.Pretrained, run);
    }

    private void Pretrain(string run, Action change) => TinyRun.Pretrain(runs.Data, run, [], new Watcher(step =>
    {
        if (step == Step)
            change();
    }));
}
