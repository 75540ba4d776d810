using System.Text.Json.Nodes;
using VideoSim.Engine;
using VideoSim.Models.Progress;
using VideoSim.Models.Training;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Models.Tests.Training;

/// <summary>
/// With on_nan=rollback a run goes back to its last good checkpoint, takes the batches in another order, and ends with
/// the same bytes if it is stopped or killed on the way.
/// </summary>
public sealed class RollbackTests(FinishedRuns runs) : IClassFixture<FinishedRuns>
{
    private const string Rollback = "pretrain.on_nan=rollback";

    // The micro preset logs and saves every 5 of 20 steps and validates every 10.
    [Fact]
    public void Gradient_NotFinite_GoesBackToTheLastCheckpointWithOtherDraws()
    {
        using var job = new TinyJob(1, Rollback);
        var notes = new Notes();
        var draws = new List<int>();
        Train(job, notes, badStep: 7, onDraws: draws.Add);
        Assert.Equal([0, 1], draws);
        var line = Lines(job.Output).Single(static line => line["rollback"] is not null);
        Assert.Equal(["step", "rollback", "to", "reason"], line.Select(static pair => pair.Key));
        Assert.Equal((10, 1, 5), ((int)line["step"]!, (int)line["rollback"]!, (int)line["to"]!));
        Assert.Matches("^the gradient of .* is not finite at step 7$", (string)line["reason"]!);
        Assert.Equal([0, 5, 10, 10, 10, 15, 20, 20], Lines(job.Output).Select(static line => (int)line["step"]!)); // 10 is the rollback's, then that of the new order
        Assert.Contains(notes.Lines, static note => note.Contains("; goes back to step 5 and takes the batches in another order (rollback 1 of at most 3)", StringComparison.Ordinal));
        Assert.Equal(1, (int)JsonNode.Parse(File.ReadAllText(Path.Combine(job.Output, "checkpoint-20", "trainer_state.json")))!["rollbacks"]!);
    }

    [Theory]
    [InlineData(7, 6, false)] // a checkpoint of an interruption is no place to go back to
    [InlineData(7, 8, false)] // its weights are not finite, so nothing is saved
    [InlineData(7, 8, true)]
    [InlineData(7, -1, true)] // just after the rollback
    [InlineData(7, 12, false)]
    [InlineData(2, 3, false)] // back to the weights before training
    [InlineData(2, -1, true)]
    [InlineData(2, -1, false)]
    public void Run_StoppedOrKilled_EndsWithTheSameBytes(int badStep, int at, bool kill)
    {
        using var whole = new TinyJob(1, Rollback);
        Train(whole, IProgressSink.None, badStep);
        using var job = new TinyJob(1, Rollback);
        using var stop = new CancellationTokenSource();
        bool isHit = false;
        var watcher = new Watcher(step => Hit(step == at), note => Hit(at < 0 && note.Contains("goes back", StringComparison.Ordinal)));
        Assert.ThrowsAny<Exception>(() => Train(job, watcher, badStep, stop: stop));
        Assert.False(Directory.Exists(Path.Combine(job.Output, "last")));
        if (at < 0)
            Assert.Equal(1, (int)JsonNode.Parse(File.ReadAllText(Path.Combine(job.Output, $"checkpoint-{badStep / 5 * 5}", "trainer_state.json")))!["rollbacks"]!);
        Train(job, IProgressSink.None, badStep);
        Folders.AssertEqual(whole.Output, job.Output);

        void Hit(bool now)
        {
            if (!now || isHit)
                return;
            isHit = true;
            if (kill)
                throw new KilledException();
            stop.Cancel();
        }
    }

    [Fact]
    public void Validation_NotFinite_GoesBackToo()
    {
        using var job = new TinyJob(1, Rollback);
        int rollbacks = 0;
        long at = 0;
        job.Train(pairs: false, job.Fill, new Watcher(step => at = step), draws: count => new TrainingDraws(1, [Fill(job, rollbacks = count, badStep: 0)]),
            score: () => at == 10 && rollbacks == 0 ? new ValidationScore(0, 5, null, "the embedding of video '1'") : new ValidationScore(0.5, 5, null));
        var line = Lines(job.Output).Single(static line => line["rollback"] is not null);
        Assert.Equal((10, 5, "the embedding of video '1' is not finite at step 10"), ((int)line["step"]!, (int)line["to"]!, (string)line["reason"]!));
    }

    [Fact]
    public void Checkpoint_Damaged_IsNotGoneBackTo()
    {
        using var job = new TinyJob(1, Rollback);
        string file = Path.Combine(job.Output, "checkpoint-5", "model.safetensors");
        var watcher = new Watcher(step =>
        {
            if (step != 8)
                return;
            byte[] content = File.ReadAllBytes(file);
            content[^1] ^= 1;
            File.WriteAllBytes(file, content);
        });
        string message = Assert.Throws<DataException>(() => Train(job, watcher, badStep: 7)).Message;
        Assert.StartsWith($"{file}: has changed since {Path.Combine(job.Output, "checkpoint-5")} was written", message, StringComparison.Ordinal);
        Assert.DoesNotContain(Lines(job.Output), static line => line["rollback"] is not null);
    }

    // Weights that are too large, with every order of the batches.
    [Fact]
    public void Rate_Absurd_StopsAfterThreeRollbacks()
    {
        string output = runs.New("absurd");
        string[] overrides = [Rollback, "pretrain.warmup=0", "pretrain.encoder_warmup=0", "pretrain.rate=1e38", "pretrain.weight_decay=1e10", "pretrain.checkpoint_every=1"];
        for (int start = 0; start < 2; start++)
        {
            string message = Assert.Throws<DataException>(() => TinyRun.Pretrain(runs.Data, output, overrides)).Message;
            Assert.EndsWith(" is not finite at step 1, before the first checkpoint; all 3 rollbacks are used up; begin again with a smaller --learning-rate or with --max-grad-norm 1", message, StringComparison.Ordinal);
            Assert.Equal([1, 2, 3], Lines(output).Select(static line => line["rollback"]).OfType<JsonNode>().Select(static number => (int)number));
        }
    }

    [Fact]
    public void AfterRollbacks_EveryNumber_HasAKeyOfItsOwn()
    {
        ulong[] keys = [.. from seed in new ulong[] { 0, 1, 42 } from rollbacks in Enumerable.Range(0, 4) select StageSeeds.AfterRollbacks(seed, rollbacks)];
        Assert.Equal(keys.Length, keys.Distinct().Count());
        Assert.Equal(42UL, StageSeeds.AfterRollbacks(42, 0));
    }

    private static void Train(TinyJob job, IProgressSink progress, int badStep, Action<int>? onDraws = null, CancellationTokenSource? stop = null) =>
        job.Train(pairs: false, job.Fill, progress, stop: stop, draws: rollbacks =>
        {
            onDraws?.Invoke(rollbacks);
            return new TrainingDraws((ulong)rollbacks, [Fill(job, rollbacks, badStep)]);
        });

    // A batch with a NaN before the first rollback; afterwards the batches come in another order.
    private static unsafe Action<long, Models.Batches.BatchBlock[]> Fill(TinyJob job, int rollbacks, int badStep) => (number, slot) =>
    {
        job.Fill(number + 3 * rollbacks, slot);
        if (rollbacks == 0 && number == badStep - 1)
            slot[0].Frames.Halves[3] = Half.NaN;
    };

    private static JsonObject[] Lines(string run) => [.. File.ReadLines(Path.Combine(run, "metrics.jsonl")).Select(static line => JsonNode.Parse(line)!.AsObject())];
}
