using System.Text.Json.Nodes;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Checkpoints;

namespace VideoSim.Models.Training;

/// <summary>What a start does with the run that its folder has.</summary>
internal enum RunMode
{
    New,
    Restart, // with the same arguments, after a start without a result
    Replace,
    Continue,
    Grow,
}

/// <summary>Decides what a start may do in the folder of a run. Nothing changes there.</summary>
internal static class RunStart
{
    /// <summary>What the start does. The parameters are those of <see cref="RunFolder.Open"/>.</summary>
    /// <exception cref="DataException">The run in the folder has other arguments, and is to be kept.</exception>
    public static RunMode ModeOf(string path, JsonObject earlier, JsonObject arguments, IReadOnlyList<string> files, RunLayout layout, bool overwrite, bool mayGrow, bool shared)
    {
        bool isFree = layout.HasFilesOf(RunArguments.StageOf(earlier)!) && (earlier.ContainsKey(RunChange.Deleting) || !(layout.HasBegun(path) || (shared && new RunInputs(path).Exist)));
        if (!isFree)
            RequireSameCommand(path, earlier, layout, overwrite);
        if (overwrite || earlier.ContainsKey(RunChange.Deleting))
            return RunMode.Replace;
        var change = RunChange.Of(earlier, arguments);
        if (isFree)
            return change is { Refusal: null, Growth: null, Patience: null } ? RunMode.Restart : RunMode.Replace;
        // Another patience changes nothing of a run that has done all its steps.
        string? patience = Directory.Exists(Path.Combine(path, ModelFolder.LastOfRun)) && RunCheckpoints.NewestStep(path) >= RunArguments.StepsOf(earlier) ? null : change.Patience;
        if (change.Refusal is null && (mayGrow || (change.Growth ?? patience) is null))
            return (change.Growth ?? patience) is null ? RunMode.Continue : RunMode.Grow;
        throw new DataException(new RunInputs(path).Changed(files) is { } changed ? RunInputs.Refusal(path, $"{changed} has changed")
            : $"{path} has a run with other arguments: {change.Refusal ?? (change.Growth is null ? patience : $"{change.Growth}: a part of a reproduction does not get longer")}; choose another --output-dir or the same arguments{(shared ? "" : ", or pass --overwrite-output-dir to delete that run")}");
    }

    /// <summary>Refuses a folder with files of something else than a run.</summary>
    /// <exception cref="DataException">It has such files; the message names the folder.</exception>
    public static void RequireRunOrEmpty(string path)
    {
        // Listed first: a process that begins the run meanwhile writes the arguments before other files.
        string[] entries = FolderListing.Entries(path);
        if (RunFolder.Read(path) is { } arguments)
        {
            if (!RunArguments.IsOfRun(arguments))
                throw new DataException($"{path} is not the folder of a run: its {RunFolder.Arguments} was not written by this program");
        }
        else if (entries.Any(static entry => !RunFolder.IsLeftoverOfStart(entry)))
        {
            throw new DataException($"{path} is not empty and not the folder of a run: it has no {RunFolder.Arguments}");
        }
    }

    /// <summary>Refuses the run of a command that does not make what the layout has.</summary>
    /// <exception cref="DataException">It is one; the message names the command.</exception>
    public static void RequireSameCommand(string path, JsonObject earlier, RunLayout layout, bool overwrite)
    {
        if (RunArguments.StageOf(earlier) is { } command && !layout.Makes(command))
            throw new DataException($"{path} has the results of {Printable.Quote(command)}; {(overwrite ? "--overwrite-output-dir deletes only those of the same command" : "choose another --output-dir")}");
    }

    /// <summary>
    /// Refuses a deletion of files that are in use or that the command reads. Processes that share the folder may not
    /// lock its runs to look at them, because they would refuse each other.
    /// </summary>
    /// <exception cref="DataException">It would delete such a file; the message names it.</exception>
    public static void RequireDeletable(string path, RunLayout layout, IReadOnlyList<InputFile> inputs, bool mayLock)
    {
        if (mayLock)
            layout.RequireFree(path);
        InputFile.RefuseDeleted(path, inputs, layout.Deleted(path));
    }
}
