using VideoSim.Engine;
using VideoSim.Models.Configuration;
using VideoSim.Models.Recipes;
using VideoSim.Models.Zoo;
using Xunit;

namespace VideoSim.Models.Tests.Recipes;

/// <summary>Schedules follow the steps of their stage, and steps follow from epochs.</summary>
public sealed class ScheduleTests
{
    private readonly List<string> _notes = [];

    // tiny: 900 steps, 50 of warmup.
    [Theory]
    [InlineData("pretrain.steps=6", 6, 0, 0, 6)]
    [InlineData("pretrain.steps=90", 90, 5, 5, 90)]
    [InlineData("pretrain.steps=9", 9, 1, 1, 9)] // half a step is one
    [InlineData("pretrain.steps=1", 1, 0, 0, 1)]
    [InlineData("pretrain.steps=9000", 9000, 500, 500, 9000)]
    [InlineData("pretrain.steps=2147483647", 2147483647, 119304647, 119304647, 2147483647)]
    [InlineData("pretrain.steps=90 pretrain.warmup=50", 90, 50, 5, 90)]
    [InlineData("pretrain.steps=90 pretrain.encoder_warmup=50", 90, 5, 50, 90)]
    [InlineData("pretrain.steps=90 pretrain.encoder_schedule_steps=900", 90, 5, 5, 900)]
    [InlineData("pretrain.steps=90 pretrain.encoder_schedule_steps=4", 90, 5, 3, 4)] // at least valid
    [InlineData("pretrain.steps=900", 900, 50, 50, 900)]
    [InlineData("pretrain.batch=2", 900, 50, 50, 900)]
    public void Schedules_OfOtherSteps_FollowUnlessGiven(string overrides, int steps, int warmup, int encoderWarmup, int schedule)
    {
        var preset = Load("tiny", overrides, new StageSchedule("pretrain"));
        Assert.Equal((steps, warmup, encoderWarmup, schedule), Of(preset.Pretrain));
        Assert.Equal((450, 20, 200), (preset.Pretrain.EvaluateEvery, preset.Pretrain.LogEvery, preset.Pretrain.CheckpointEvery));
        Assert.Equal(Preset.Load("tiny", "mix", []).Finetune, preset.Finetune);
    }

    [Fact]
    public void Schedules_ThatFollow_AreNoted()
    {
        Load("tiny", "pretrain.steps=90 pretrain.warmup=50", new StageSchedule("pretrain"));
        Assert.Equal(["pretrain.steps is 90, not 900 as in the preset; these follow: pretrain.encoder_schedule_steps=90, pretrain.encoder_warmup=5"], _notes);
        _notes.Clear();
        Load("tiny", "pretrain.steps=900 pretrain.batch=3", new StageSchedule("pretrain"));
        Load("tiny", "finetune.steps=90", new StageSchedule("pretrain")); // a file can have the keys of both stages
        Load("tiny", "pretrain.steps=90 pretrain.warmup=1 pretrain.encoder_warmup=1 pretrain.encoder_schedule_steps=90", new StageSchedule("pretrain"));
        Assert.Empty(_notes);
    }

    // The published finetuning ends long before its encoder's schedule does.
    [Fact]
    public void Schedules_OfAModelsOwnSteps_AreThePresets()
    {
        foreach (string model in ModelZoo.Names)
        {
            var stage = Preset.Load("reference", model, []).Finetune;
            Assert.Equal((1000, 2000, 40_000), (stage.Warmup, stage.EncoderWarmup, stage.EncoderScheduleSteps));
        }
        Assert.Equal((400, 100, 200, 4000), Of(Preset.Load("reference", "mix", ["finetune.steps=400"]).Finetune));
    }

    [Theory]
    [InlineData("pretrain.batch=4", "3", 15)] // 5 whole batches of 22 videos
    [InlineData("pretrain.batch=4", "0.1", 1)]
    [InlineData("pretrain.batch=4", "0.3", 2)] // 1.5 batches
    [InlineData("pretrain.batch=4", "0.2", 1)]
    [InlineData("pretrain.batch=4 pretrain.gradient_accumulation_steps=2", "3", 6)] // 2 whole updates of 8 videos
    [InlineData("pretrain.batch=4 pretrain.steps=100", "3", 15)]
    [InlineData("pretrain.batch=64", "3", 1)] // the stage refuses the batch
    public void Epochs_OfSamples_AreWholeUpdates(string overrides, string epochs, int steps)
    {
        var preset = Load("micro", overrides, new StageSchedule("pretrain") { Epochs = decimal.Parse(epochs, System.Globalization.CultureInfo.InvariantCulture), Samples = static () => 22 });
        Assert.Equal(steps, preset.Pretrain.Steps);
        Assert.Contains(_notes, note => note.StartsWith($"pretrain: {epochs} epochs of 22 samples", StringComparison.Ordinal) && note.EndsWith($"pretrain.steps is {steps}", StringComparison.Ordinal));
        Assert.Equal(20, preset.Finetune.Steps);
    }

    [Fact]
    public void Epochs_TooMany_AreRefused()
    {
        string message = Assert.Throws<DataException>(() => Load("micro", "", new StageSchedule("pretrain") { Epochs = 1_000_000, Samples = static () => 40_000 })).Message;
        Assert.Equal("--num-train-epochs 1000000: 40000 samples in updates of 4 would be 10000000000 updates; at most 2147483647 are possible", message);
    }

    [Theory]
    [InlineData("", "0.1", 90, 90)]
    [InlineData("pretrain.steps=15", "0.1", 2, 2)] // rounded up, as in Hugging Face's Trainer
    [InlineData("pretrain.steps=15", "0", 0, 0)]
    [InlineData("pretrain.steps=15", "0.99", 14, 14)] // at least valid
    [InlineData("pretrain.steps=15 pretrain.warmup=5 pretrain.encoder_schedule_steps=2", "0.5", 8, 1)]
    public void WarmupRatio_OfTheSteps_IsBothWarmups(string overrides, string ratio, int warmup, int encoderWarmup)
    {
        var stage = Load("tiny", overrides, new StageSchedule("pretrain") { WarmupRatio = decimal.Parse(ratio, System.Globalization.CultureInfo.InvariantCulture) }).Pretrain;
        Assert.Equal((warmup, encoderWarmup), (stage.Warmup, stage.EncoderWarmup));
        Assert.EndsWith($"pretrain.warmup is {warmup}, pretrain.encoder_warmup is {encoderWarmup}", _notes[^1], StringComparison.Ordinal);
    }

    private Preset Load(string name, string overrides, StageSchedule schedule) =>
        Preset.Load(name, "mix", [.. overrides.Split(' ', StringSplitOptions.RemoveEmptyEntries)], schedule: schedule with { Note = _notes.Add });

    private static (int Steps, int Warmup, int EncoderWarmup, int Schedule) Of(TrainingConfig stage) => (stage.Steps, stage.Warmup, stage.EncoderWarmup, stage.EncoderScheduleSteps);
}
