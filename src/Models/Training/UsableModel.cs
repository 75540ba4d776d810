using VideoSim.Engine;
using VideoSim.Models.Checkpoints;
using VideoSim.Models.Progress;
using VideoSim.Models.Text;

namespace VideoSim.Models.Training;

/// <summary>
/// Opens the model of a path, which is a model folder or the folder of a run. If the run is not finished, the user is
/// told so, and also if its best model is gone.
/// </summary>
public static class UsableModel
{
    /// <summary>As <see cref="ModelFolder.Open"/>.</summary>
    /// <param name="path">A model folder, or the folder of a run.</param>
    /// <param name="dictionary">Dictionary of a RoFormer's tokenizer; null for jieba's own.</param>
    /// <param name="progress">Receives a warning if the files could not be checked.</param>
    /// <exception cref="DataException">The run is not finished, or as in ModelFolder.</exception>
    public static ModelFolder Open(string path, JiebaDictionary? dictionary, IProgressSink progress) =>
        Unfinished(path) is { } problem ? throw new DataException(problem) : Noted(ModelFolder.Open(path, dictionary), progress);

    /// <summary>As <see cref="ModelFolder.OpenBest"/>.</summary>
    /// <param name="path">A model folder, or the folder of a run.</param>
    /// <param name="dictionary">Dictionary of a RoFormer's tokenizer; null for jieba's own.</param>
    /// <param name="progress">Receives a note if the run is not finished or the files could not be checked.</param>
    /// <exception cref="DataException">
    /// The run is not finished and has no model yet, or as in ModelFolder.
    /// </exception>
    public static ModelFolder OpenBest(string path, JiebaDictionary? dictionary, IProgressSink progress)
    {
        if (Unfinished(path) is { } note)
        {
            if (!Directory.Exists(Path.Combine(path, ModelFolder.BestOfRun)))
                throw new DataException($"{note}; it has no model yet");
            progress.Note(note);
        }
        else if (LostBest(path) is { } lost)
        {
            progress.Warn(lost);
        }
        return Noted(ModelFolder.OpenBest(path, dictionary), progress);
    }

    private static ModelFolder Noted(ModelFolder folder, IProgressSink progress)
    {
        if (folder.Warning is { } warning)
            progress.Warn($"{folder.FolderPath}: {warning}");
        return folder;
    }

    // The last model is then used instead.
    private static string? LostBest(string path)
    {
        if (!Directory.Exists(Path.Combine(path, ModelFolder.LastOfRun)) || Directory.Exists(Path.Combine(path, ModelFolder.BestOfRun)) || RunCheckpoints.NewestStep(path) == 0)
            return null;
        try
        {
            return RunCheckpoints.ReadNewest(path).BestStep is { } step ? $"{path}: warning: the best model, of step {step}, is gone; the last one is used" : null;
        }
        catch (DataException)
        {
            return null; // the model itself may be whole
        }
    }

    private static string? Unfinished(string path)
    {
        string last = Path.Combine(path, ModelFolder.LastOfRun);
        if (Directory.Exists(last) || RunArguments.Find(last) is not { } arguments)
            return null;
        string steps = arguments.Steps is { } all ? $" (step {RunCheckpoints.NewestStep(path)} of {all})" : "";
        return $"{path} is not finished{steps}; the command that began it continues it";
    }
}
