using System.Text.Json.Nodes;
using VideoSim.Models.Progress;
using VideoSim.Models.Training;
using Xunit;

namespace VideoSim.Models.Tests.Training;

/// <summary>
/// The models in the folder of a run: the weights before training, the two newest checkpoints, the last of the
/// best, the last.
/// </summary>
public sealed class CheckpointTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("videosim-test-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Theory]
    [InlineData(2, 5, new long[] { 5 }, new long[] { 5 })]
    [InlineData(2, 5, new long[] { 5, 10, 15 }, new long[] { 10, 15 })]
    [InlineData(2, 5, new long[] { 5, 7, 9 }, new long[] { 5, 9 })] // those of an interruption go once there is a newer one
    [InlineData(2, 5, new long[] { 5, 7, 10 }, new long[] { 5, 10 })]
    [InlineData(2, 5, new long[] { 5, 10, 12 }, new long[] { 10, 12 })]
    [InlineData(2, 10, new long[] { 90, 100, 110 }, new long[] { 100, 110 })] // by number, not by name
    [InlineData(1, 5, new long[] { 5, 10 }, new long[] { 10 })]
    [InlineData(1, 5, new long[] { 5, 10, 12 }, new long[] { 10, 12 })] // a rollback goes to 10
    [InlineData(1, 5, new long[] { 5, 10, 12, 15 }, new long[] { 15 })]
    [InlineData(3, 5, new long[] { 5, 10, 15, 17, 20 }, new long[] { 10, 15, 20 })]
    public void RemoveOld_AfterEachSave_KeepsTheNewest(int limit, int interval, long[] saved, long[] kept)
    {
        var checkpoints = new RunCheckpoints(_root, new RunMetrics(_root));
        foreach (long step in saved)
        {
            checkpoints.Save(new TrainerState { Step = step, MetricsBytes = 0, Interrupted = step % interval != 0 }, static _ => { });
            checkpoints.RemoveOld(limit);
        }
        Assert.Equal(kept.Select(static step => $"checkpoint-{step}").Order(), Directory.GetDirectories(_root).Select(static path => Path.GetFileName(path)!).Order());
        Assert.Equal($"checkpoint-{kept[^1]}", Path.GetFileName(checkpoints.Newest));
        Assert.Equal(kept[^1], checkpoints.Resume()!.Value.State.Step);
    }

    // The micro preset saves every 5 of 20 steps.
    [Fact]
    public void Train_ToTheEnd_LeavesTheStartTwoCheckpointsBestAndLast()
    {
        using var job = new TinyJob(threads: 1);
        job.Train(pairs: false, job.Fill, IProgressSink.None);
        Assert.Equal(["best", "checkpoint-0", "checkpoint-15", "checkpoint-20", "last"], Directory.GetDirectories(job.Output).Select(static path => Path.GetFileName(path)!).Order());
    }

    [Fact]
    public void Start_Weights_AreNeitherGoneOnFromNorCountedNorRemoved()
    {
        var checkpoints = new RunCheckpoints(_root, new RunMetrics(_root));
        checkpoints.Save(new TrainerState { Step = 0, MetricsBytes = 0 }, static target => target.Add("model", static stream => stream.WriteByte(1)));
        Assert.Null(checkpoints.Resume());
        Assert.Null(checkpoints.Newest);
        foreach (long step in new[] { 5, 10, 15 })
        {
            checkpoints.Save(new TrainerState { Step = step, MetricsBytes = 0 }, static _ => { });
            checkpoints.RemoveOld(limit: 2);
        }
        Assert.Equal(["checkpoint-0", "checkpoint-10", "checkpoint-15"], Directory.GetDirectories(_root).Select(static path => Path.GetFileName(path)!).Order());
        Assert.Equal(["model", "trainer_state.json"], Directory.GetFiles(Path.Combine(_root, "checkpoint-0")).Select(static path => Path.GetFileName(path)!).Order());
    }

    // Validations come before the first step and after 5, 10, 15 and 20; a checkpoint is saved after the same steps.
    [Theory]
    [InlineData(15, 0.1, 0.2, 0.5, 0.5, 0.4)] // of equal scores the last is kept
    [InlineData(20, 0.1, 0.2, 0.3, 0.4, 0.5)]
    public void Train_Validations_KeepTheLastOfTheBest(int bestStep, params double[] scores)
    {
        using var job = new TinyJob(1, "pretrain.evaluate_every=5");
        byte[]? weights = null;
        int validations = 0;
        job.Train(pairs: false, job.Fill, IProgressSink.None, validate: () =>
        {
            if (5 * validations == bestStep + 5)
                weights = Weights($"checkpoint-{bestStep}"); // saved after its validation, kept until two are newer
            return scores[validations++];
        });
        Assert.Equal(scores.Length, validations);
        Assert.Equal(bestStep == 20 ? Weights("last") : weights, Weights("best"));
        if (bestStep != 20)
            Assert.NotEqual(Weights("last"), Weights("best"));
        var state = JsonNode.Parse(File.ReadAllText(Path.Combine(job.Output, "checkpoint-20", "trainer_state.json")))!;
        Assert.Equal((scores.Max(), scores[^1]), (state["best_spearman"]!.GetValue<double>(), state["last_spearman"]!.GetValue<double>()));

        // A run that goes on from its checkpoint knows the best before it.
        byte[] best = Weights("best");
        foreach (string gone in new[] { "checkpoint-20", "last" })
            Directory.Delete(Path.Combine(job.Output, gone), recursive: true);
        job.Train(pairs: false, job.Fill, IProgressSink.None, validate: () => scores.Max() - 0.01);
        Assert.Equal(best, Weights("best"));

        byte[] Weights(string name) => File.ReadAllBytes(Path.Combine(job.Output, name, "model.safetensors"));
    }

    // Weights before a pretraining are random, so they are no model. A finetuning starts from a model.
    [Theory]
    [InlineData(false, "checkpoint-15")]
    [InlineData(true, "checkpoint-0")]
    public void Train_StartWithTheHighestScore_IsTheBestOnlyIfItIsTrained(bool startIsTrained, string best)
    {
        using var job = new TinyJob(1, "pretrain.evaluate_every=5");
        double[] scores = [0.9, 0.1, 0.2, 0.3, 0.2];
        int validations = 0;
        var notes = new Notes();
        job.Train(pairs: false, job.Fill, notes, validate: () => scores[validations++], startIsTrained: startIsTrained);
        Assert.Equal(Weights(best), Weights("best"));
        Assert.Equal("job: step 15, validation 0.3000 (5 pairs)", notes.Lines[3]);
        string note = $"job: no later score is as high as that of step 0, so {Path.Combine(job.Output, "best")} is the model before training; the trained model is {Path.Combine(job.Output, "last")}";
        string random = "job: step 0 has the higher score 0.9000, but the model before a pretraining is not trained, so it is never the best";
        string models = $"job: the best model is {Path.Combine(job.Output, "best")}, validation {(startIsTrained ? "0.9000 of step 0" : "0.3000 of step 15")}; the last is {Path.Combine(job.Output, "last")}";
        Assert.Equal([models, startIsTrained ? note : random], notes.Lines.Skip(5));

        byte[] Weights(string name) => File.ReadAllBytes(Path.Combine(job.Output, name, "model.safetensors"));
    }
}
