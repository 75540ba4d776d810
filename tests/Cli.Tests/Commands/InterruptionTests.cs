using System.Diagnostics;
using VideoSim.Engine.Serialization;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Cli.Tests.Commands;

/// <summary>What signals do. <see cref="KillTests"/> has those of training.</summary>
[Collection(nameof(CommandTests))]
public sealed class InterruptionTests(CommandWorld world)
{
    private const int Seconds = 20; // much more than is needed, for a machine with other work

    // The command writes a long result to a pipe that is not read. No loop of it looks at a token.
    [Theory]
    [InlineData("TERM", 143)]
    [InlineData("HUP", 129)]
    public void Command_BlockedBySystem_EndsOnTheFirstSignal(string signal, int exitCode)
    {
        ChildProcess.RequireSignal(signal);
        using var process = ChildProcess.Start("search", "--embeddings", ManyEmbeddings(), "--query", ManyEmbeddings(), "--top", "99");
        process.StandardOutput.BaseStream.ReadByte();
        var clock = Stopwatch.StartNew();
        ChildProcess.Send(signal, process.Id);
        Assert.True(process.WaitForExit(TimeSpan.FromSeconds(Seconds)));
        Assert.Equal(exitCode, process.ExitCode);
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, Seconds / 2);
    }

    // As nohup starts it.
    [Fact]
    public void Command_HangupIgnoredAtTheStart_StaysIgnored()
    {
        ChildProcess.RequireSignal("TERM");
        string run = world.New();
        using var process = ChildProcess.StartScript($"trap '' HUP; exec {ChildProcess.Command}", [.. CommandWorld.Pretrain(world.Data, run), "--quiet", "--set", "pretrain.steps=100000", "--set", "pretrain.checkpoint_every=100000"]);
        while (!process.HasExited && !File.Exists(Path.Combine(run, "metrics.jsonl")))
            Thread.Sleep(1);
        ChildProcess.Send("HUP", process.Id);
        Assert.False(process.WaitForExit(TimeSpan.FromSeconds(1.5)));
        ChildProcess.Send("TERM", process.Id);
        Assert.Contains("interrupted", process.StandardError.ReadToEnd(), StringComparison.Ordinal);
        process.WaitForExit();
        Assert.Equal(143, process.ExitCode);
    }

    [Fact]
    public void Signal_WorkThatSaves_IsWaitedForUntilASecondSignal()
    {
        ChildProcess.RequireSignal("HUP");
        var ends = new List<int>();
        using var ended = new ManualResetEventSlim();
        bool told = false;
        using var interruption = new Interruption(code =>
        {
            ends.Add(code);
            ended.Set();
        });
        interruption.Report(static () => { }, () => told = true);
        using var saves = UnfinishedWork.State();
        ChildProcess.Send("TERM", Environment.ProcessId, times: 2); // one request, as timeout sends it
        Assert.False(ended.Wait(TimeSpan.FromSeconds(1.5), TestContext.Current.CancellationToken));
        Assert.True(interruption.Token.IsCancellationRequested);
        Assert.Equal((143, true), (interruption.ExitCode, told));
        ChildProcess.Send("HUP", Environment.ProcessId);
        Assert.True(ended.Wait(TimeSpan.FromSeconds(Seconds), TestContext.Current.CancellationToken));
        Assert.Equal([129], ends);
        interruption.Finish();
    }

    [Fact]
    public void Signal_OtherWork_EndsWithinASecond()
    {
        ChildProcess.RequireSignal("TERM");
        var lines = new List<string>();
        using var ended = new ManualResetEventSlim();
        using var interruption = new Interruption(code =>
        {
            lines.Add($"end {code}");
            ended.Set();
        });
        interruption.Report(() => lines.Add("interrupted"), () => lines.Add("saving"));
        using var file = UnfinishedWork.Result(() => lines.Add("removed"));
        var clock = Stopwatch.StartNew();
        ChildProcess.Send("TERM", Environment.ProcessId);
        Assert.True(ended.Wait(TimeSpan.FromSeconds(Seconds), TestContext.Current.CancellationToken));
        Assert.InRange(clock.Elapsed.TotalSeconds, 0.4, 5);
        Assert.Equal(["removed", "interrupted", "end 143"], lines);
    }

    // Every reader of files refuses what is no file before it opens it, because opening a pipe waits for a writer.
    [Theory]
    [InlineData("data verify PIPE.tfrecords")]
    [InlineData("data inspect PIPE.tfrecords")]
    [InlineData("data folds --data DATA")]
    [InlineData("evaluate --embeddings PIPE.json --labels LABELS")]
    [InlineData("evaluate --embeddings PIPE.npy --labels LABELS")]
    [InlineData("evaluate --embeddings VECTORS --labels PIPE")]
    [InlineData("evaluate --embeddings MATRIX.npy --labels LABELS")]
    [InlineData("ensemble --inputs PIPE.zip --output NEW.json")]
    [InlineData("search --embeddings PIPE.json --id 1")]
    [InlineData("search --embeddings PIPE.npy --id 1")]
    [InlineData("embed --checkpoint MODEL --records PIPE.tfrecords --output NEW.json")]
    [InlineData("embed --checkpoint MODEL --frames PIPE.npy --title x --output NEW.json")]
    [InlineData("embed --checkpoint PIPED --records LABELS --output NEW.json")]
    [InlineData("data import PIPE.jsonl --output-dir NEW --frames DATA")]
    [InlineData("data import PIPE.csv --output-dir NEW --frames DATA")]
    [InlineData("data import PIPE.parquet --output-dir NEW --frames DATA")]
    [InlineData("kernels check relu --source PIPE/Activation.cu")]
    [InlineData("report PIPED-RUN --output NEW.html")]
    public void Command_PipeInPlaceOfAFile_RefusesIt(string text)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "there are no named pipes in folders");
        string folder = Directory.CreateDirectory(world.New()).FullName;
        foreach (string name in new[] { "pipe", "pipe.tfrecords", "pipe.json", "pipe.npy", "pipe.zip", "pipe.jsonl", "pipe.csv", "pipe.parquet", "pipes/Activation.cu", "matrix.ids.txt", "data/pairwise/label.tsv", "piped/config.json", "run/args.json" })
            MakePipe(Path.Combine(folder, name));
        File.WriteAllBytes(Path.Combine(folder, "matrix.npy"), NumpyFile.Of(2, 4));
        string[] args = [.. text.Split(' ').Select(word => word
            .Replace("PIPED-RUN", Path.Combine(folder, "run"), StringComparison.Ordinal).Replace("PIPED", Path.Combine(folder, "piped"), StringComparison.Ordinal)
            .Replace("PIPE/", Path.Combine(folder, "pipes/"), StringComparison.Ordinal).Replace("PIPE", Path.Combine(folder, "pipe"), StringComparison.Ordinal)
            .Replace("MATRIX", Path.Combine(folder, "matrix"), StringComparison.Ordinal).Replace("DATA", Path.Combine(folder, "data"), StringComparison.Ordinal)
            .Replace("LABELS", Path.Combine(world.Data, "test_b", "label.tsv"), StringComparison.Ordinal).Replace("VECTORS", ManyEmbeddings(), StringComparison.Ordinal)
            .Replace("MODEL", Path.Combine(world.Pretrained, "last"), StringComparison.Ordinal).Replace("NEW", world.New(), StringComparison.Ordinal))];
        Shell.Run(args).AssertFailed(1, "is a device or a pipe");
    }

    private static void MakePipe(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using var made = Process.Start("mkfifo", [path]);
        made.WaitForExit();
    }

    private string ManyEmbeddings()
    {
        string file = Path.Combine(world.Data, "..", "many.json");
        if (!File.Exists(file))
            File.WriteAllText(file, "{" + string.Join(",", Enumerable.Range(0, 100).Select(static id => $"\"{id}\":[1,{id},0.5]")) + "}");
        return file;
    }
}
