using VideoSim.Models.Metrics;

namespace VideoSim.Models.Training;

/// <summary>The state of a run, saved with each checkpoint.</summary>
public sealed record TrainerState
{
    /// <summary>Updates done.</summary>
    public required long Step { get; set; }

    /// <summary>
    /// Length of metrics.jsonl at this step. Later lines are removed when the run continues from here.
    /// </summary>
    public required long MetricsBytes { get; set; }

    /// <summary>Best validation score so far; null if there is none that is defined.</summary>
    public double? BestSpearman { get; set; }

    /// <summary>Step of the best validation score.</summary>
    public long? BestStep { get; set; }

    /// <summary>Last validation score; null if there is none, or it is undefined.</summary>
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
}
