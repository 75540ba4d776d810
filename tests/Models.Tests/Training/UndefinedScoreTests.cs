using VideoSim.Models.Metrics;
using VideoSim.Models.Training;
using Xunit;

namespace VideoSim.Models.Tests.Training;

/// <summary>Validations whose pairs have no correlation, for example because all labels are equal.</summary>
public sealed class UndefinedScoreTests
{
    private const string Reason = "all 5 labels are equal";

    [Fact]
    public void Validation_Undefined_IsNullAndBelowEveryScore()
    {
        using var job = new TinyJob(1);
        var notes = new Notes();
        int validations = 0;
        job.Train(pairs: true, job.Fill, notes, score: () => new ValidationScore(validations++ == 1 ? -0.5 : null, 5, null, Undefined: validations == 2 ? null : Reason));
        double[] scores = RunMetrics.Series(job.Output, TrainerNotes.Score);
        Assert.Equal(validations, scores.Length);
        Assert.Equal([double.NaN, -0.5, double.NaN], scores[..3]);
        Assert.Contains("\"val_spearman\":null", File.ReadAllText(Path.Combine(job.Output, RunMetrics.Name)), StringComparison.Ordinal);
        Assert.Contains($"job: step 0, validation undefined, because {Reason} (5 pairs)", notes.Lines);
        Assert.Contains(notes.Lines, static note => note.StartsWith("job: the best model is ", StringComparison.Ordinal) && note.Contains(", validation -0.5000 of step ", StringComparison.Ordinal));
        Assert.Null(RunCheckpoints.ReadNewest(job.Output).LastSpearman);
    }

    // At the begin no tag is likely enough to be predicted. A run that has such a line in its metrics continues.
    [Theory]
    [InlineData(0, 0, 3)]
    [InlineData(0, 3, 0)]
    [InlineData(0, 0, 0)]
    public void Validation_UndefinedScoresOfTags_DoNotStopAContinuedRun(long found, long predicted, long present)
    {
        using var job = new TinyJob(1);
        using var stop = new CancellationTokenSource();
        var score = new ValidationScore(null, 5, new TagScore(found, predicted, present), Undefined: Reason);
        int validations = 0;
        Assert.Throws<RunInterruptedException>(() => job.Train(pairs: false, job.Fill, new Notes(), stop: stop, score: () =>
        {
            if (++validations == 2)
                stop.Cancel();
            return score;
        }));
        Assert.Contains(":null", File.ReadAllText(Path.Combine(job.Output, RunMetrics.Name)), StringComparison.Ordinal);
        job.Train(pairs: false, job.Fill, new Notes(), score: () => score);
        Assert.True(Directory.Exists(Path.Combine(job.Output, "last")));
    }

    // Without any score the model that was trained longest is the best, so that there is one.
    [Fact]
    public void Validation_NeverDefined_TakesTheLastModel()
    {
        using var job = new TinyJob(1);
        var notes = new Notes();
        job.Train(pairs: true, job.Fill, notes, score: static () => new ValidationScore(null, 5, null, Undefined: Reason));
        Assert.True(Directory.Exists(Path.Combine(job.Output, "best")));
        Assert.Contains(notes.Lines, static note => note.Contains(", validation undefined of step ", StringComparison.Ordinal));
    }
}
