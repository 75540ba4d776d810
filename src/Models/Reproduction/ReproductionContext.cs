using System.Globalization;
using VideoSim.Engine.Devices;
using VideoSim.Models.Progress;
using VideoSim.Models.Recipes;
using VideoSim.Models.Submissions;
using VideoSim.Models.Training;

namespace VideoSim.Models.Reproduction;

/// <summary>What all work of a reproduction uses.</summary>
/// <param name="Device">The device.</param>
/// <param name="Options">Options of the reproduction.</param>
/// <param name="Progress">Receives the progress.</param>
/// <param name="Clock">Measures the seconds.</param>
/// <param name="Cancellation">Stops the work. The same call continues it.</param>
internal sealed record ReproductionContext(Device Device, ReproductionOptions Options, IProgressSink Progress, TimeProvider Clock, CancellationToken Cancellation)
{
    /// <summary>The data that is given or made.</summary>
    public DataFolder Data { get; } = Options.DataFolder;

    /// <summary>Width of the frames of the data, or that of the preset.</summary>
    public int FrameWidth => FrameWidths.Find(Data.Format, Data.Pointwise)?.Width ?? Preset.Load(Options.Preset, Options.Models[0], Options.Overrides).Model.FrameWidth;

    /// <summary>Folder of a model's runs.</summary>
    public string FolderOf(string model) => Path.Combine(Options.OutputDirectory, model);

    /// <summary>Score on test_b; null without labels.</summary>
    public double? Score(EmbeddingTable table) => Options.HasLabels ? Scoring.Spearman(table, Data.TestLabels("b"), Options.SkipBadRecords) : null;

    /// <summary>Reports a score as soon as it is computed, so a run that is stopped has shown it.</summary>
    public double? Note(string what, EmbeddingTable table)
    {
        if (!Options.HasLabels)
            return null;
        var (score, undefined) = Scoring.Score(table, Data.TestLabels("b"), Options.SkipBadRecords);
        Progress.Note(string.Create(CultureInfo.InvariantCulture, $"{what}: Spearman on test_b {(undefined is null ? $"{score:F4}" : $"undefined, because {undefined}")}"));
        return score;
    }
}
