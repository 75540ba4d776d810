using System.Text.Json;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Datasets;

namespace VideoSim.Models.Training;

/// <summary>The checkpoints in the folder of a run.</summary>
internal sealed class RunCheckpoints(string run, RunMetrics metrics)
{
    /// <summary>Names of the files that a run reads when it continues.</summary>
    public const string Weights = "model.safetensors", Moments = "optimizer.safetensors";

    /// <summary>The newest checkpoint, or null. The weights before training are not a checkpoint.</summary>
    public string? Newest => All(run).Select(static checkpoint => checkpoint.FolderPath).FirstOrDefault();

    /// <summary>
    /// Step that another recipe has trained to before this one; 0 for a run with one recipe. The checkpoint of this
    /// step counts as one that no interruption has saved.
    /// </summary>
    public long GrownFrom { get; set; }

    /// <summary>Step of the newest checkpoint of a run; 0 if there is none.</summary>
    public static long NewestStep(string run) => All(run).Select(static checkpoint => checkpoint.Step).FirstOrDefault();

    /// <summary>The state in the newest checkpoint of a run.</summary>
    /// <exception cref="DataException">There is none, or it cannot be read; the message names the place.</exception>
    public static TrainerState ReadNewest(string run) => All(run).Select(static checkpoint => checkpoint.FolderPath).FirstOrDefault() is { } newest ? Read(newest)
        : throw new DataException($"{run}: the run is complete, but its checkpoints are gone");

    /// <summary>Path of the state in a checkpoint.</summary>
    public static string FileOfState(string checkpoint) => Path.Combine(checkpoint, FolderChecksums.State);

    /// <summary>Reads the state in a checkpoint.</summary>
    /// <exception cref="DataException">
    /// It cannot be read, or no run has such values; the message names file and key.
    /// </exception>
    public static TrainerState Read(string checkpoint)
    {
        string file = FileOfState(checkpoint);
        try
        {
            byte[] content = JsonFile.ReadBytes(file);
            var state = JsonFile.Parse(file, content, RunJson.Default.TrainerState);
            state.Validate(file, FolderChecksums.StepOf(Path.GetFileName(checkpoint)));
            return FolderChecksums.FaultOf(JsonFile.ParseObject(file, content)) is { } fault ? throw new DataException($"{file}: {fault}") : state;
        }
        catch (DataException e) when (e.InnerException is not UnauthorizedAccessException)
        {
            throw FolderChecksums.Damaged(checkpoint, e.Message);
        }
    }

    /// <summary>
    /// Checks what a run that continues will read, before anything changes: the newest checkpoint and the lines of
    /// metrics.jsonl before it. Of a complete run only the state is read.
    /// </summary>
    /// <param name="steps">Steps of the recipe; null if they are not known.</param>
    /// <param name="isComplete">Whether the run has done all its steps.</param>
    /// <returns>A warning for the user, or null.</returns>
    /// <exception cref="DataException">Something is damaged; the message names the file.</exception>
    public string? Require(int? steps, bool isComplete)
    {
        if (Newest is not { } newest)
        {
            if (ReadStart() is { Rollbacks: > 0 } start)
                metrics.Require(start);
            return null;
        }
        var state = Read(newest);
        if (state.Step > steps)
            throw FolderChecksums.Damaged(newest, $"{FileOfState(newest)}: step is {state.Step}, but the run has {steps} steps");
        if (isComplete)
            return null;
        metrics.Require(state);
        return FolderChecksums.Require(newest, isModel: true, Weights, Moments);
    }

    /// <summary>
    /// The newest checkpoint. Without one, the state before training if the run has gone back to it. Otherwise null.
    /// Removes metrics that were written after it.
    /// </summary>
    public (string FolderPath, TrainerState State)? Resume()
    {
        if (Newest is { } newest)
            return At(newest, Read(newest));
        if (ReadStart() is { Rollbacks: > 0 } start)
            return At(PathOf(0), start);
        metrics.Cut(0);
        return null;

        (string, TrainerState) At(string checkpoint, TrainerState state)
        {
            metrics.Cut(state.MetricsBytes);
            return (checkpoint, state);
        }
    }

    /// <summary>
    /// Writes a checkpoint. That of step 0 has no moments; a run continues from it only after a rollback to it.
    /// </summary>
    public void Save(TrainerState state, Action<AtomicFolder> fill)
    {
        metrics.Flush(state);
        AtomicFolder.Write(PathOf(state.Step), folder =>
        {
            fill(folder);
            state.Files = FolderChecksums.Of(folder);
            folder.Add(FolderChecksums.State, stream => Write(stream, state));
        });
    }

    /// <summary>
    /// Goes back to the newest checkpoint that no interruption has saved, or to the state before training. Deletes
    /// later checkpoints. If the process is killed before <see cref="Replace"/>, the run continues from there and
    /// comes to the same rollback.
    /// </summary>
    public (string FolderPath, TrainerState State) GoBack()
    {
        var checkpoints = All(run).Append((Step: 0, FolderPath: PathOf(0))).ToArray();
        var (step, good) = checkpoints.First(checkpoint => checkpoint.Step == 0 || IsScheduled(checkpoint));
        if (step > 0)
            FolderChecksums.Require(good, isModel: true, Weights, Moments);
        foreach (var (_, later) in checkpoints.TakeWhile(checkpoint => checkpoint.Step > step).Reverse())
            AtomicFolder.Delete(later);
        return (good, step > 0 ? Read(good) : ReadStart() ?? new TrainerState { Step = 0, MetricsBytes = 0 });
    }

    /// <summary>Replaces the state in the checkpoint of its step.</summary>
    public void Replace(TrainerState state)
    {
        metrics.Flush(state);
        AtomicFile.Write(FileOfState(PathOf(state.Step)), stream => Write(stream, state));
    }

    /// <summary>
    /// Deletes checkpoints of interruptions that have a successor, then keeps the newest ones. The remaining
    /// checkpoints do not depend on when the run was interrupted. The newest one that no interruption has saved always
    /// stays, because a rollback goes to it.
    /// </summary>
    /// <param name="limit">Number of checkpoints to keep.</param>
    public void RemoveOld(int limit)
    {
        var checkpoints = All(run).ToArray();
        if (checkpoints.Length == 0)
            return;
        int kept = IsScheduled(checkpoints[0]) ? limit : Math.Max(limit, 2);
        var keep = checkpoints.Where((checkpoint, i) => i == 0 || IsScheduled(checkpoint)).Take(kept).ToArray();
        foreach (var (_, old) in checkpoints.Except(keep))
            AtomicFolder.Delete(old);
    }

    // A run of an older version has none.
    private TrainerState? ReadStart() => File.Exists(FileOfState(PathOf(0))) ? Read(PathOf(0)) : null;

    private bool IsScheduled((long Step, string FolderPath) checkpoint) => checkpoint.Step == GrownFrom || !Read(checkpoint.FolderPath).Interrupted;

    private string PathOf(long step) => PathOf(run, step);

    private static string PathOf(string run, long step) => Path.Combine(run, $"{FolderChecksums.CheckpointPrefix}{step}");

    private static void Write(Stream stream, TrainerState state) => JsonSeal.Write(stream, JsonSerializer.SerializeToNode(state, RunJson.Default.TrainerState)!.AsObject());

    // Newest first, without the weights before training.
    private static IEnumerable<(long Step, string FolderPath)> All(string run) =>
        FolderChecksums.StepsIn(run).Where(static step => step > 0).OrderDescending().Select(step => (step, PathOf(run, step)));
}
