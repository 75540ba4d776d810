using System.Text.Json.Nodes;
using VideoSim.Engine;
using VideoSim.Engine.Optimizers;
using VideoSim.Models.Training;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Models.Tests.Training;

/// <summary>A run trains further if only the steps grow, and the schedules that follow from them.</summary>
public sealed class LongerRunTests(FinishedRuns runs) : IClassFixture<FinishedRuns>
{
    // The weights stay as they are, so the scores of steps 2, 4, ... are equal.
    private static readonly string[] Patience = ["pretrain.early_stopping_patience=1", "pretrain.evaluate_every=2", "pretrain.rate=0", "pretrain.encoder_rate=0"];
    private static readonly string[] MorePatience = ["pretrain.early_stopping_patience=3", .. Patience[1..]];
    private static readonly string[] Longer = ["pretrain.steps=32", "pretrain.encoder_schedule_steps=32", "pretrain.warmup=3"];

    [Fact]
    public void Run_Finished_TrainsFurtherWithTheNewRatesAndKeepsBothRecipes()
    {
        string run = runs.CopyOfPretrained("longer");
        var notes = new Notes();
        TinyRun.Pretrain(runs.Data, run, Longer, notes);
        Assert.Contains($"{run}: trains further, from step 20 to step 32, with the learning rates of a run of 32 steps; this is not the run of 32 steps from the start", notes.Lines);
        var arguments = JsonNode.Parse(File.ReadAllText(Path.Combine(run, "args.json")))!;
        Assert.Equal((32, 20, 20), ((int)arguments["pretrain"]!["steps"]!, (int)arguments["grown"]![0]!["from"]!, (int)arguments["grown"]![0]!["pretrain"]!["steps"]!));
        var lines = File.ReadLines(Path.Combine(run, "metrics.jsonl")).Select(static line => JsonNode.Parse(line)!).ToArray();
        Assert.Equal(File.ReadAllLines(Path.Combine(runs.Pretrained, "metrics.jsonl")), File.ReadLines(Path.Combine(run, "metrics.jsonl")).Take(7));
        var rate = new LearningRateSchedule(0.001, 3, 32);
        foreach (int step in new[] { 25, 30, 32 })
            Assert.Equal(rate.RateAt(step - 1), (double)lines.Single(line => (int)line["step"]! == step && line["learning_rate"] is not null)["learning_rate"]!);
        Assert.Contains("Step 32 of 32. Preset: micro. Seed: 7. Up to step 20 the recipe was one of 20 steps. Recipe:", File.ReadAllText(Path.Combine(run, "last", "README.md")), StringComparison.Ordinal);
        TinyRun.Pretrain(runs.Data, run, Longer, notes);
        Assert.Equal($"{run}: already finished at step 32; the best model is {Path.Combine(run, "best")}, the last is {Path.Combine(run, "last")}", notes.Lines[^1]);
    }

    // Steps 21 and 23 come before the first new checkpoint, which is that of step 24.
    [Theory]
    [InlineData(false, 21)]
    [InlineData(false, 23, 26)]
    [InlineData(true, 20)]
    [InlineData(true, 23)]
    [InlineData(true, 27)]
    public void Run_StoppedOrKilledWhileItGrows_EndsWithTheSameBytes(bool kill, params int[] steps)
    {
        string name = $"{kill}-{string.Join('-', steps)}", whole = runs.CopyOfPretrained($"whole-{name}"), run = runs.CopyOfPretrained(name);
        TinyRun.Pretrain(runs.Data, whole, Longer);
        foreach (int step in steps)
        {
            using var stop = new CancellationTokenSource();
            Assert.ThrowsAny<Exception>(() => TinyRun.Pretrain(runs.Data, run, Longer, new Watcher(at =>
            {
                if (at == step)
                {
                    if (kill)
                        throw new KilledException();
                    stop.Cancel();
                }
            }), stop));
        }
        TinyRun.Pretrain(runs.Data, run, Longer);
        Folders.AssertEqual(whole, run);
    }

    // Killed after `last` was removed and before args.json was written.
    [Fact]
    public void Run_KilledBeforeItsArgumentsChange_TrainsFurtherOrEndsAsBefore()
    {
        string whole = runs.CopyOfPretrained("whole"), run = runs.CopyOfPretrained("killed"), old = runs.CopyOfPretrained("old");
        TinyRun.Pretrain(runs.Data, whole, Longer);
        Directory.Delete(Path.Combine(run, "last"), recursive: true);
        TinyRun.Pretrain(runs.Data, run, Longer);
        Folders.AssertEqual(whole, run);
        Directory.Delete(Path.Combine(old, "last"), recursive: true);
        TinyRun.Pretrain(runs.Data, old, []);
        Folders.AssertEqual(runs.Pretrained, old);
    }

    [Fact]
    public void Run_Unfinished_TrainsFurtherFromItsCheckpoint()
    {
        string run = runs.New("unfinished");
        using (var stop = new StopAt(13))
            Assert.ThrowsAny<OperationCanceledException>(() => TinyRun.Pretrain(runs.Data, run, stop: stop));
        TinyRun.Pretrain(runs.Data, run, Longer);
        Assert.Equal(13, (int)JsonNode.Parse(File.ReadAllText(Path.Combine(run, "args.json")))!["grown"]![0]!["from"]!);
        Assert.True(Directory.Exists(Path.Combine(run, "checkpoint-32")));
    }

    private string StoppedEarly(string name)
    {
        string run = runs.New(name);
        TinyRun.Pretrain(runs.Data, run, Patience);
        return run;
    }

    // What a run learned of its patience ends with its recipe.
    [Fact]
    public void Run_StoppedEarly_TrainsFurther()
    {
        string run = runs.New("early");
        string[] patience = ["pretrain.early_stopping_patience=1", "pretrain.evaluate_every=2", "pretrain.rate=0", "pretrain.encoder_rate=0"];
        TinyRun.Pretrain(runs.Data, run, patience);
        Assert.Contains("\"early_stopping\":1", File.ReadLines(Path.Combine(run, "metrics.jsonl")).Last(), StringComparison.Ordinal);
        long first = Newest();
        TinyRun.Pretrain(runs.Data, run, [.. patience, "pretrain.steps=40"]);
        Assert.True(Newest() > first);

        long Newest() => Directory.GetDirectories(run, "checkpoint-*").Max(static path => long.Parse(path[(path.LastIndexOf('-') + 1)..], System.Globalization.CultureInfo.InvariantCulture));
    }

    [Fact]
    public void Run_StoppedEarly_SaysSoAndContinuesWithAnotherPatience()
    {
        string run = StoppedEarly("patience");
        var notes = new Notes();
        TinyRun.Pretrain(runs.Data, run, Patience, notes);
        Assert.Equal($"{run}: already stopped early at step 4 of 20, and another --early-stopping-patience trains it further; the best model is {Path.Combine(run, "best")}, the last is {Path.Combine(run, "last")}", notes.Lines[^1]);
        notes.Lines.Clear();
        TinyRun.Pretrain(runs.Data, run, MorePatience, notes);
        Assert.Contains($"{run}: has another patience from step 4 on; validations without a gain count from 0 there", notes.Lines);
        Assert.Contains("mix pretrain: continues from step 4", notes.Lines);
        Assert.Contains(notes.Lines, static line => line.StartsWith("mix pretrain: stops at step 10 of 20: no gain since step 4: the last 3 validations have no higher score than ", StringComparison.Ordinal));
        var arguments = JsonNode.Parse(File.ReadAllText(Path.Combine(run, "args.json")))!;
        Assert.Equal((3, 4, 1), ((int)arguments["pretrain"]!["early_stopping_patience"]!, (int)arguments["grown"]![0]!["from"]!, (int)arguments["grown"]![0]!["pretrain"]!["early_stopping_patience"]!));
        TinyRun.Pretrain(runs.Data, run, Patience[1..]);
        Assert.True(Directory.Exists(Path.Combine(run, "checkpoint-20")));
        Assert.DoesNotContain("the recipe was one of", File.ReadAllText(Path.Combine(run, "last", "README.md")), StringComparison.Ordinal);
        string before = File.ReadAllText(Path.Combine(run, "args.json"));
        TinyRun.Pretrain(runs.Data, run, Patience, notes);
        Assert.StartsWith($"{run}: already finished at step 20; ", notes.Lines[^1], StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllText(Path.Combine(run, "args.json")));
    }

    [Theory]
    [InlineData(false, 5)]
    [InlineData(true, 4)]
    [InlineData(true, 5)]
    [InlineData(true, 9)]
    public void Run_KilledWithItsNewPatience_EndsWithTheSameBytes(bool kill, int step)
    {
        string whole = StoppedEarly($"whole-{kill}-{step}"), run = StoppedEarly($"part-{kill}-{step}");
        TinyRun.Pretrain(runs.Data, whole, MorePatience);
        using var stop = new CancellationTokenSource();
        Assert.ThrowsAny<Exception>(() => TinyRun.Pretrain(runs.Data, run, MorePatience, new Watcher(at =>
        {
            if (at == step && kill)
                throw new KilledException();
            if (at == step)
                stop.Cancel();
        }), stop));
        TinyRun.Pretrain(runs.Data, run, MorePatience);
        Folders.AssertEqual(whole, run);
    }

    // Killed after `last` was removed and before args.json was written.
    [Fact]
    public void Run_KilledBeforeItsPatienceChanges_EndsAsBeforeOrContinues()
    {
        string whole = StoppedEarly("whole-patience"), old = StoppedEarly("old-patience"), run = StoppedEarly("new-patience");
        foreach (string killed in new[] { old, run })
            Directory.Delete(Path.Combine(killed, "last"), recursive: true);
        TinyRun.Pretrain(runs.Data, old, Patience);
        Folders.AssertEqual(whole, old);
        TinyRun.Pretrain(runs.Data, whole, MorePatience);
        TinyRun.Pretrain(runs.Data, run, MorePatience);
        Folders.AssertEqual(whole, run);
    }

    [Fact]
    public void Run_Unfinished_ContinuesWithAnotherPatience()
    {
        string run = runs.New("unfinished-patience");
        using (var stop = new StopAt(13))
            Assert.Equal(13, Assert.Throws<RunInterruptedException>(() => TinyRun.Pretrain(runs.Data, run, stop: stop)).Step);
        Assert.Contains("pretrain.early_stopping_patience was 0 and is 9;", Assert.Throws<DataException>(() => TinyRun.Pretrain(runs.Data, run, ["pretrain.early_stopping_patience=9"], mayGrow: false)).Message, StringComparison.Ordinal);
        TinyRun.Pretrain(runs.Data, run, ["pretrain.early_stopping_patience=9"]);
        Assert.True(Directory.Exists(Path.Combine(run, "checkpoint-20")));
    }

    [Theory]
    [InlineData("pretrain.steps was 20 and is 12; a run can only get longer", "pretrain.steps=12")]
    [InlineData("pretrain.rate was 0.001 and is 0.5", "pretrain.steps=32", "pretrain.rate=0.5")]
    [InlineData("pretrain.warmup was 2 and is 3", "pretrain.warmup=3")]
    public void Run_OtherwiseChanged_IsRefusedAndStaysAsItIs(string difference, params string[] overrides)
    {
        string run = runs.CopyOfPretrained($"refused-{difference.Length}");
        string message = Assert.Throws<DataException>(() => TinyRun.Pretrain(runs.Data, run, overrides)).Message;
        Assert.Equal($"{run} has a run with other arguments: {difference}; choose another --output-dir or the same arguments, or pass --overwrite-output-dir to delete that run", message);
        Folders.AssertEqual(runs.Pretrained, run);
    }

    // The folds and embeddings of a reproduction belong to the shorter run.
    [Fact]
    public void Run_OfAReproduction_DoesNotGrow()
    {
        string run = runs.CopyOfPretrained("part");
        string message = Assert.Throws<DataException>(() => TinyRun.Pretrain(runs.Data, run, Longer, mayGrow: false)).Message;
        Assert.Contains("other arguments: pretrain.steps was 20 and is 32: a part of a reproduction does not get longer;", message, StringComparison.Ordinal);
    }
}
