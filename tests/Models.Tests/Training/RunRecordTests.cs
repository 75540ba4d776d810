using System.Text.Json.Nodes;
using VideoSim.Engine;
using VideoSim.Models.Progress;
using VideoSim.Models.Training;
using Xunit;

namespace VideoSim.Models.Tests.Training;

/// <summary>What a run writes about itself, and which of its arguments may change when it continues.</summary>
public sealed class RunRecordTests(FinishedRuns runs) : IClassFixture<FinishedRuns>
{
    [Fact]
    public void Run_WithOtherIntervals_ContinuesWithTheSameWeightsAndKeepsTheNewOnes()
    {
        string run = StoppedAt(10, "intervals");
        TinyRun.Pretrain(runs.Data, run, ["pretrain.log_every=3", "pretrain.checkpoint_every=7", "pretrain.save_total_limit=1"]);
        foreach (string model in new[] { "last", "best" })
            Assert.Equal(Bytes(runs.Pretrained, model, "model.safetensors"), Bytes(run, model, "model.safetensors"));
        var recipe = Arguments(run)["pretrain"]!;
        Assert.Equal((3, 7, 1), ((int)recipe["log_every"]!, (int)recipe["checkpoint_every"]!, (int)recipe["save_total_limit"]!));
        Assert.Equal(["checkpoint-0", "checkpoint-20"], Directory.GetDirectories(run, "checkpoint-*").Select(static path => Path.GetFileName(path)!).Order());
        Assert.Equal([5, 10, 12, 15, 18, 20], Lines(run, "metrics.jsonl").Where(static line => line["loss"] is not null).Select(static line => (int)line["step"]!));
    }

    [Fact]
    public void Run_OfAnOlderVersion_ContinuesWithTheDefaultsOfNewKeys()
    {
        string run = StoppedAt(10, "older");
        var arguments = Arguments(run);
        foreach (string key in new[] { "max_grad_norm", "save_total_limit", "on_nan" })
            arguments["pretrain"]!.AsObject().Remove(key);
        arguments.Remove("version");
        File.WriteAllText(Path.Combine(run, "args.json"), arguments.ToJsonString());
        Assert.Contains("pretrain.max_grad_norm was 0 and is 2", Assert.Throws<DataException>(() => TinyRun.Pretrain(runs.Data, run, ["pretrain.max_grad_norm=2"])).Message, StringComparison.Ordinal);
        var notes = new Notes();
        TinyRun.Pretrain(runs.Data, run, [], notes);
        Assert.DoesNotContain(notes.Lines, static note => note.Contains("version", StringComparison.Ordinal));
        Assert.Equal(Bytes(runs.Pretrained, "last", "model.safetensors"), Bytes(run, "last", "model.safetensors"));
    }

    [Fact]
    public void Run_OfAnotherVersion_ContinuesAndSaysSo()
    {
        string run = StoppedAt(10, "version");
        var arguments = Arguments(run);
        Assert.Equal(Surroundings.Version, (string)arguments["version"]!);
        arguments["version"] = "0.0.1\u001b[2J";
        File.WriteAllText(Path.Combine(run, "args.json"), arguments.ToJsonString());
        var notes = new Notes();
        TinyRun.Pretrain(runs.Data, run, [], notes);
        Assert.Contains($"{run}: this run began with version 0.0.1\\u001b[2J of the program and continues with {Surroundings.Version}; between versions, bits can differ", notes.Warnings);
        Assert.Equal("0.0.1\u001b[2J", (string)Arguments(run)["version"]!);
    }

    // A run that stopped at a NaN may continue with rollback.
    [Fact]
    public void Run_ThatShallGoBack_Continues()
    {
        string run = StoppedAt(10, "on-nan");
        TinyRun.Pretrain(runs.Data, run, ["pretrain.on_nan=rollback"]);
        Assert.Contains("pretrain.on_nan was \"rollback\" and is \"stop\"", Assert.Throws<DataException>(() => TinyRun.Pretrain(runs.Data, run, [])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Environment_OfEveryStart_HasASession()
    {
        string run = StoppedAt(6, "sessions");
        TinyRun.Pretrain(runs.Data, run, []);
        var sessions = JsonNode.Parse(File.ReadAllText(Path.Combine(run, "environment.json")))!["sessions"]!.AsArray();
        Assert.Equal([0, 6], sessions.Select(static session => (int)session!["from_step"]!));
        Assert.Equal(["started", "from_step", "command_line", "version", "commit", "machine", "processor", "os", "dotnet", "device", "threads", "architecture", "libraries"], sessions[0]!.AsObject().Select(static pair => pair.Key));
        Assert.Equal(("cpu (1 threads)", 1, Environment.MachineName), ((string)sessions[0]!["device"]!, (int)sessions[0]!["threads"]!, (string)sessions[0]!["machine"]!));
        Assert.Equal([1, 2], Lines(run, "timing.jsonl").Select(static line => (int)line["session"]!).Distinct());
    }

    [Fact]
    public void Log_OfAStep_HasTheRatesOfItsUpdate()
    {
        var line = Lines(runs.Pretrained, "metrics.jsonl").First(static line => line["loss"] is not null);
        string[] keys = line.AsObject().Select(static pair => pair.Key).ToArray();
        Assert.Equal(["step", "loss"], keys[..2]);
        Assert.Equal((new Engine.Optimizers.LearningRateSchedule(0.001, 2, 20).RateAt(4), true), ((double)line["learning_rate"]!, Array.IndexOf(keys, "learning_rate") < Array.IndexOf(keys, "encoder_learning_rate")));
    }

    [Fact]
    public void Timing_OfSlowParts_CountsThemWhereTheyAre()
    {
        using var job = new TinyJob(1, "pretrain.steps=10", "pretrain.encoder_schedule_steps=10");
        job.Train(pairs: false, (number, slot) =>
        {
            Thread.Sleep(20);
            job.Fill(number, slot);
        }, IProgressSink.None, validate: () =>
        {
            Thread.Sleep(50);
            return 0;
        });
        var lines = Lines(job.Output, "timing.jsonl");
        Assert.InRange(Sum("input"), 0.1, 5);
        Assert.InRange(Sum("validation"), 0.1, 5); // of steps 0 and 10
        Assert.True(Sum("saving") > 0);
        Assert.All(lines, static line => Assert.Equal((double)line["seconds"]!, (double)line["input"]! + (double)line["train"]! + (double)line["validation"]! + (double)line["saving"]!, 6));
        Assert.Equal([0, 5, 10, 10, 10], lines.Select(static line => (int)line["step"]!)); // the last is the end
        Assert.All(lines, static line => Assert.InRange((long)line["memory_bytes"]!, 1 << 20, long.MaxValue));
        Assert.Equal(4 * 5 / ((double)lines[1]["input"]! + (double)lines[1]["train"]!), (double)lines[1]["samples_per_second"]!, 6);

        double Sum(string part) => lines.Sum(line => (double)line[part]!);
    }

    [Fact]
    public void Timing_AfterAKill_LosesItsHalfLine()
    {
        string folder = Directory.CreateDirectory(runs.New("torn")).FullName, file = Path.Combine(folder, "timing.jsonl");
        File.WriteAllText(file, "{\"step\":1}\n{\"st");
        new RunTiming(folder, session: 2, samples: 1, TimeProvider.System).Write(2);
        string[] lines = File.ReadAllLines(file);
        Assert.Equal(("{\"step\":1}", 2, 2), (lines[0], lines.Length, (int)JsonNode.Parse(lines[1])!["session"]!));
    }

    private string StoppedAt(int step, string name)
    {
        string run = runs.New(name);
        using var stop = new StopAt(step);
        Assert.ThrowsAny<OperationCanceledException>(() => TinyRun.Pretrain(runs.Data, run, stop: stop));
        return run;
    }

    private static JsonObject Arguments(string run) => JsonNode.Parse(File.ReadAllText(Path.Combine(run, "args.json")))!.AsObject();

    private static JsonNode[] Lines(string run, string file) => [.. File.ReadLines(Path.Combine(run, file)).Select(static line => JsonNode.Parse(line)!)];

    private static byte[] Bytes(params string[] path) => File.ReadAllBytes(Path.Combine(path));
}
