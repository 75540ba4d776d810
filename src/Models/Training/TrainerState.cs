using System.Globalization;
using System.Text.Json.Serialization;
using VideoSim.Engine;
using VideoSim.Models.Metrics;

namespace VideoSim.Models.Training;

/// <summary>The state of a run, saved with each checkpoint.</summary>
public sealed record TrainerState
{
    private const double Rounding = 1e-9; // of a score

    private const string Scores = "a score is from -1 to 1";

    /// <summary>Updates done.</summary>
    public required long Step { get; set; }

    /// <summary>
    /// Length of metrics.jsonl at this step. Later lines are removed when the run continues from here.
    /// </summary>
    public required long MetricsBytes { get; set; }

    /// <summary>SHA-256 of metrics.jsonl at this step; null in a checkpoint of an older version.</summary>
    public string? MetricsSha256 { get; set; }

    /// <summary>Best validation score so far; null if there is none that is defined.</summary>
    public double? BestSpearman { get; set; }

    /// <summary>Step of the best validation score.</summary>
    public long? BestStep { get; set; }

    /// <summary>Last validation score; null if there is none, or it is undefined.</summary>
    [JsonRequired]
    public double? LastSpearman { get; set; }

    /// <summary>Last score of tags; null if tags are not scored.</summary>
    public TagScore? LastTags { get; set; }

    /// <summary>Number of the last validations whose scores are not above the best before them.</summary>
    public int ValidationsWithoutGain { get; set; }

    /// <summary>Number of rollbacks so far.</summary>
    public int Rollbacks { get; set; }

    /// <summary>Whether the run was interrupted in the validation of this step.</summary>
    public bool ValidationDue { get; set; }

    /// <summary>Whether an uninterrupted run saves no checkpoint in this state.</summary>
    public bool Interrupted { get; set; }

    /// <summary>
    /// SHA-256 of the checkpoint's other files by name; null in a checkpoint of an older version.
    /// </summary>
    public Dictionary<string, string>? Files { get; set; }

    /// <summary>Refuses values that no run has.</summary>
    /// <param name="file">Path of the state, for the message.</param>
    /// <param name="step">The step in the name of its folder.</param>
    /// <exception cref="DataException">A value is out of range; the message names file and key.</exception>
    internal void Validate(string file, long step)
    {
        Require("step", Step == step, Step, $"the folder is that of step {step}");
        Require("metrics_bytes", MetricsBytes >= 0, MetricsBytes, "it is a size");
        Require("best_spearman", IsScore(BestSpearman), BestSpearman, Scores);
        Require("last_spearman", IsScore(LastSpearman), LastSpearman, Scores);
        // After a rollback the best step can be later than this one.
        Require("best_step", BestStep is { } best ? best >= 0 : BestSpearman is null, BestStep, "it is the step of the best model");
        Require("last_tags", LastTags is not { } tags || (tags.Found >= 0 && tags.Found <= Math.Min(tags.Predicted, tags.Present)), LastTags, "found entries are predicted and present");
        Require("validations_without_gain", ValidationsWithoutGain >= 0, ValidationsWithoutGain, "it is a number of validations");
        Require("rollbacks", Rollbacks is >= 0 and <= TrainerNotes.MostRollbacks, Rollbacks, $"a run has at most {TrainerNotes.MostRollbacks}");

        void Require(string key, bool holds, object? value, string why)
        {
            if (!holds)
                throw new DataException($"{file}: {key} is {(value is null ? "missing" : Convert.ToString(value, CultureInfo.InvariantCulture))}, but {why}");
        }
    }

    private static bool IsScore(double? score) => score is null || Math.Abs(score.Value) <= 1 + Rounding;
}
