using System.Text.Json;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Cli.Tests.Commands;

/// <summary>
/// Signals to a run. <c>tests/faults.sh kills</c> does the same to every command that writes files.
/// </summary>
[Collection(nameof(CommandTests))]
public sealed class KillTests(CommandWorld world)
{
    [Fact]
    public void Run_KilledThreeTimes_EndsWithTheSameBytes()
    {
        string[] more = ["--set", "pretrain.steps=40", "--set", "pretrain.evaluate_every=3"];
        string whole = world.New(), killed = world.New();
        Shell.Run(Long(whole)).AssertDone();
        for (int kill = 0; kill < 3; kill++)
        {
            using var process = ChildProcess.Start(Long(killed));
            int checkpoints = Checkpoints(killed);
            // At some moment after it has done something new, or at its end.
            while (!process.HasExited && Checkpoints(killed) == checkpoints)
                Thread.Sleep(1);
            Thread.Sleep(5 * kill);
            process.Kill();
            process.WaitForExit();
        }
        Shell.Run(Long(killed)).AssertDone();
        Folders.AssertEqual(whole, killed);

        string[] Long(string output) => [.. CommandWorld.Pretrain(world.Data, output), .. more];
    }

    [Theory]
    [InlineData("INT", 130, "")]
    [InlineData("TERM", 143, " without --overwrite-output-dir", "--overwrite-output-dir")] // with it, the command would begin again
    [InlineData("HUP", 129, "")]
    public void Run_AskedToStop_SavesItsStepAndExitsWithTheCodeOfTheSignal(string signal, int exitCode, string how, params string[] more)
    {
        ChildProcess.RequireSignal(signal);
        string run = world.New();
        using var process = ChildProcess.Start([.. CommandWorld.Pretrain(world.Data, run), "--set", "pretrain.steps=100000", "--set", "pretrain.checkpoint_every=100000", .. more]);
        while (!process.HasExited && !Directory.Exists(Path.Combine(run, "checkpoint-0")))
            Thread.Sleep(1);
        // The next line is that of a step.
        var metrics = new FileInfo(Path.Combine(run, "metrics.jsonl"));
        for (long length = metrics.Length; !process.HasExited && metrics.Length == length; metrics.Refresh())
            Thread.Sleep(1);
        ChildProcess.Send(signal, process.Id);
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.Equal($"error: interrupted; the same command{how} continues from step {Checkpoints(run)}, which is saved\n", error);
        Assert.Equal(exitCode, process.ExitCode);
        Assert.InRange(Checkpoints(run), 1, 99_999);
    }

    // Embeddings are not saved under way: the same command begins anew.
    [Fact]
    public void Embed_AskedToStop_PromisesNothing()
    {
        ChildProcess.RequireSignal("TERM");
        string records = world.New() + ".tfrecords", output = world.New() + ".json";
        TinyData.WriteRecords(records, Enumerable.Range(0, 20_000).Select(static video => TinyData.Payload(video, tagged: false)));
        using var process = ChildProcess.StartAloud([.. CommandWorld.Embed(world.Pretrained, records, output), "--threads", "1"]);
        Assert.StartsWith("reading records", process.StandardError.ReadLine(), StringComparison.Ordinal);
        ChildProcess.Send("TERM", process.Id);
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.EndsWith("error: interrupted\n", error, StringComparison.Ordinal);
        Assert.Equal((143, false), (process.ExitCode, File.Exists(output)));
    }

    [Theory]
    [InlineData("2>&-", 0)]
    [InlineData("2>/dev/full", 0)]
    [InlineData(">&-", 1)]
    [InlineData(">/dev/full", 1)]
    [InlineData(">&- 2>&-", 1)]
    public void Streams_ClosedOrFull_LoseProgressButNoResult(string redirections, int exitCode)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "there is no /bin/sh");
        string records = Path.Combine(world.Data, "test_b"), width = $"{TinyData.FrameWidth}";
        var outcome = ChildProcess.RunRedirected(redirections, "data", "verify", records, "--frame-width", width);
        Assert.Equal(exitCode, outcome.ExitCode);
        if (exitCode == 0)
            Assert.Contains($"|      {TinyData.TestVideos} |   0 |", outcome.Output, StringComparison.Ordinal);
        else if (!redirections.Contains("2>", StringComparison.Ordinal))
            Assert.Contains("error: stdout: cannot be written: ", outcome.Error, StringComparison.Ordinal);
    }

    // A bench makes a folder of synthetic data when it begins. What it has by then differs from run to run. On a busy
    // machine a launch can take longer than a signal waits; then the bench is tried again.
    [Theory]
    [InlineData("bench", "--model", "mix", "--steps", "1000000")]
    [InlineData("kernels", "bench", "--preset", "micro", "--models", "mix")]
    public void Bench_AskedToStop_WritesWhatItHas(params string[] command)
    {
        const int attempts = 8;
        ChildProcess.RequireSignal("TERM");
        string folder = Directory.CreateDirectory(world.New()).FullName, output = "", error = "error: interrupted\n";
        for (int attempt = 0; attempt < attempts && error == "error: interrupted\n"; attempt++)
        {
            using var process = ChildProcess.Start(new() { ["TMPDIR"] = folder, ["VIDEOSIM_COMMIT"] = "abc" }, [.. command, "--json"]);
            while (!process.HasExited && Directory.GetDirectories(folder, "videosim-bench-*").Length == 0)
                Thread.Sleep(1);
            Thread.Sleep(500);
            ChildProcess.Send("TERM", process.Id);
            (output, error) = (process.StandardOutput.ReadToEnd(), process.StandardError.ReadToEnd());
            process.WaitForExit();
            Assert.Equal(143, process.ExitCode);
        }
        Assert.Matches("^error: interrupted before all (steps|kernels) were timed\n$", error);
        using var json = JsonDocument.Parse(output);
        Assert.False(json.RootElement.GetProperty("complete").GetBoolean());
        Assert.Equal("abc", json.RootElement.GetProperty("commit").GetString());
        Assert.Equal(JsonValueKind.Array, json.RootElement.GetProperty("kernels").ValueKind);
        Assert.Empty(Directory.GetDirectories(folder, "videosim-bench-*"));
    }

    // 100 blocks are enough for everything but the weights.
    [Fact]
    public void Run_DiskFullWhileSaving_KeepsWhatThereWasAndGoesOn()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "needs a shell that can limit the size of files");
        string run = world.CopyOfRun(), before = world.New();
        Directory.Delete(Path.Combine(run, "last"), recursive: true);
        Directory.Delete(Path.Combine(run, "checkpoint-2"), recursive: true);
        ChildProcess.RunWithSmallDisk(100, CommandWorld.Pretrain(world.Data, run)).AssertFailed(1, run, "model.safetensors", "cannot be written");
        Assert.True(Directory.Exists(Path.Combine(run, "checkpoint-1")));
        Assert.False(Directory.Exists(Path.Combine(run, "checkpoint-2")) || Directory.Exists(Path.Combine(run, "last")));
        Assert.DoesNotContain(Directory.GetFileSystemEntries(run), path => Path.GetFileName(path).StartsWith(".tmp-", StringComparison.Ordinal));
        Shell.Run(CommandWorld.Pretrain(world.Data, run)).AssertDone();
        Folders.AssertEqual(world.Pretrained, run);

        ChildProcess.RunWithSmallDisk(1, CommandWorld.Embed(Path.Combine(run, "last"), Path.Combine(world.Data, "test_b"), before + ".json"))
            .AssertFailed(1, before + ".json", "cannot be written");
        Assert.False(File.Exists(before + ".json"));
    }

    private static int Checkpoints(string run) => Directory.Exists(run)
        ? Directory.GetDirectories(run, "checkpoint-*").Select(path => int.Parse(Path.GetFileName(path)["checkpoint-".Length..], System.Globalization.CultureInfo.InvariantCulture)).DefaultIfEmpty().Max()
        : 0;
}
