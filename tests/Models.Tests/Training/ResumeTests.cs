using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Models.Tests.Training;

/// <summary>A run that was stopped and started again ends with the bytes of one that was not.</summary>
public sealed class ResumeTests(FinishedRuns runs) : IClassFixture<FinishedRuns>
{
    // A log line comes every 5 steps, a checkpoint every 4, a validation every 10, the end after 20.
    [Theory]
    [InlineData(4)]
    [InlineData(10, 11, 12, 13)]
    [InlineData(1, 3, 6, 9, 17, 18, 19)]
    [InlineData(20)]
    public void Run_StoppedAtSteps_EndsWithTheSameBytes(params int[] steps)
    {
        string name = string.Join('-', steps), pretrained = runs.New($"pretrained-{name}"), finetuned = runs.New($"finetuned-{name}");
        RunWithStops(steps, stop => TinyRun.Pretrain(runs.Data, pretrained, stop: stop));
        Folders.AssertEqual(runs.Pretrained, pretrained);

        RunWithStops(steps, stop => TinyRun.Finetune(runs.Data, runs.Pretrained, finetuned, stop: stop));
        Folders.AssertEqual(runs.Finetuned, finetuned);
    }

    [Fact]
    public void Run_StoppedAtAStep_HasSavedThatStep()
    {
        string folder = runs.New("saved");
        foreach (int step in new[] { 3, 10 }) // 10: in the validation that belongs to it
        {
            using var stop = new StopAt(step);
            Assert.ThrowsAny<OperationCanceledException>(() => TinyRun.Pretrain(runs.Data, folder, stop: stop));
            Assert.True(Directory.Exists(Path.Combine(folder, $"checkpoint-{step}")));
            Assert.False(Directory.Exists(Path.Combine(folder, "last")));
        }
    }

    // What a process leaves that is killed at the worst moments.
    [Fact]
    public void Run_KilledWhileItWrote_EndsWithTheSameBytes()
    {
        string folder = runs.New("leftovers");
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, ".tmp-args.json-0123456789abcdef"), "{");
        Stop(11); // after the first validation
        Directory.CreateDirectory(Path.Combine(folder, ".tmp-checkpoint-12-0123456789abcdef"));
        File.WriteAllText(Path.Combine(folder, ".tmp-checkpoint-12-0123456789abcdef", "config.json"), "{");
        Directory.Move(Path.Combine(folder, "best"), Path.Combine(folder, ".old-best-0123456789abcdef"));
        File.AppendAllText(Path.Combine(folder, "metrics.jsonl"), "{\"step\":12,");
        Stop(13);
        Directory.CreateDirectory(Path.Combine(folder, "checkpoint-4")); // the run died before it could remove it
        TinyRun.Pretrain(runs.Data, folder);
        Folders.AssertEqual(runs.Pretrained, folder);

        void Stop(int step)
        {
            using var stop = new StopAt(step);
            Assert.ThrowsAny<OperationCanceledException>(() => TinyRun.Pretrain(runs.Data, folder, stop: stop));
        }
    }

    // Killed before its first checkpoint, the start half changed: it begins again and writes the start again.
    [Fact]
    public void Run_KilledBeforeItsFirstCheckpoint_BeginsAgain()
    {
        string folder = runs.New("early");
        using (var stop = new StopAt(1))
            Assert.ThrowsAny<OperationCanceledException>(() => TinyRun.Pretrain(runs.Data, folder, stop: stop));
        Directory.Delete(Path.Combine(folder, "checkpoint-1"), recursive: true);
        File.WriteAllText(Path.Combine(folder, "checkpoint-0", "model.safetensors"), "half");
        TinyRun.Pretrain(runs.Data, folder);
        Folders.AssertEqual(runs.Pretrained, folder);
    }

    [Fact]
    public void Start_OfBothStages_IsAModelFolderWithTheFirstWeights()
    {
        string[] files = ["README.md", "config.json", "model.safetensors", "special_tokens_map.json", "tag_list.txt", "tokenizer_config.json", "trainer_state.json", "vocab.txt"];
        foreach (string run in new[] { runs.Pretrained, runs.Finetuned })
            Assert.Equal(files, Directory.GetFiles(Path.Combine(run, "checkpoint-0")).Select(static path => Path.GetFileName(path)!).Order(StringComparer.Ordinal));
        Assert.Equal(Weights(runs.Pretrained, "last"), Weights(runs.Finetuned, "checkpoint-0"));
        Assert.NotEqual(Weights(runs.Pretrained, "last"), Weights(runs.Pretrained, "checkpoint-0"));

        static byte[] Weights(string run, string name) => File.ReadAllBytes(Path.Combine(run, name, "model.safetensors"));
    }

    private static void RunWithStops(int[] steps, Action<StopAt?> run)
    {
        foreach (int step in steps)
        {
            using var stop = new StopAt(step);
            Assert.ThrowsAny<OperationCanceledException>(() => run(stop));
        }
        run(null);
    }
}
