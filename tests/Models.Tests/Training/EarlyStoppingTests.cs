using System.Text.Json.Nodes;
using VideoSim.Engine;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Models.Tests.Training;

/// <summary>A run stops after a number of validations without a higher score.</summary>
public sealed class EarlyStoppingTests : IDisposable
{
    private static readonly string[] Patience = ["pretrain.early_stopping_patience=2", "pretrain.evaluate_every=3", "pretrain.checkpoint_every=4"];

    private readonly string _root = Directory.CreateTempSubdirectory("videosim-test-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    // Validations at 0, 3, 6, ...; an equal score is no gain.
    [Fact]
    public void Run_OutOfPatience_StopsAndSaysSo()
    {
        using var job = new TinyJob(1, Patience);
        var notes = new List<string>();
        Train(job, onNote: notes.Add);
        Assert.Equal("""{"step":12,"early_stopping":2}""", File.ReadLines(Path.Combine(job.Output, "metrics.jsonl")).Last());
        Assert.Contains("job: stops at step 12 of 20: no gain since step 6: the last 2 validations have no higher score than 0.5000", notes);
        Assert.Equal(["best", "checkpoint-0", "checkpoint-12", "checkpoint-8", "last"], Directory.GetDirectories(job.Output).Select(static path => Path.GetFileName(path)!).Order());
        var state = JsonNode.Parse(File.ReadAllText(Path.Combine(job.Output, "checkpoint-12", "trainer_state.json")))!;
        Assert.Equal((2, false), ((int)state["validations_without_gain"]!, (bool)state["interrupted"]!));
    }

    [Theory]
    [InlineData(7, false)]
    [InlineData(11, true)]
    [InlineData(12, false)]
    [InlineData(12, true)]
    public void Run_StoppedOrKilled_EndsWithTheSameBytes(int at, bool kill)
    {
        using var whole = new TinyJob(1, Patience);
        Train(whole);
        using var job = new TinyJob(1, Patience);
        using var stop = new CancellationTokenSource();
        bool isHit = false;
        Assert.ThrowsAny<Exception>(() => Train(job, step =>
        {
            if (step != at || isHit)
                return;
            isHit = true;
            if (kill)
                throw new KilledException();
            stop.Cancel();
        }, stop: stop));
        Train(job);
        Folders.AssertEqual(whole.Output, job.Output);
    }

    [Fact]
    public void Run_WithoutPatience_GoesToTheEnd()
    {
        using var job = new TinyJob(1, Patience[1..]);
        Train(job);
        Assert.True(Directory.Exists(Path.Combine(job.Output, "checkpoint-20")));
    }

    [Fact]
    public void Pretrain_WithoutPairs_IsRefused()
    {
        string data = Path.Combine(_root, "data"), labels = Path.Combine(data, "pairwise", "label.tsv");
        TinyData.Write(data);
        File.Delete(labels);
        string message = Assert.Throws<DataException>(() => TinyRun.Pretrain(data, Path.Combine(_root, "run"), ["pretrain.early_stopping_patience=3"])).Message;
        Assert.Equal($"{labels}: there is no such file; pretrain.early_stopping_patience=3 needs labelled pairs for validations", message);
        Assert.False(Directory.Exists(Path.Combine(_root, "run")));
    }

    private static void Train(TinyJob job, Action<long>? onStep = null, Action<string>? onNote = null, CancellationTokenSource? stop = null)
    {
        double[] scores = [0.1, 0.4, 0.5, 0.5, 0.3, 0.9, 0.9, 0.9];
        long at = 0;
        job.Train(pairs: false, job.Fill, new Watcher(step =>
        {
            at = step;
            onStep?.Invoke(step);
        }, onNote), validate: () => scores[(at + 2) / 3], stop: stop);
    }
}
