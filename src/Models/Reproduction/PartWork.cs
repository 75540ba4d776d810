using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Training;

namespace VideoSim.Models.Reproduction;

/// <summary>
/// Does parts of a reproduction. While it does one, it has the part's claim, and checks it before each write. If
/// another process has taken the part over, because this one was stopped for too long, the work ends.
/// </summary>
internal sealed class PartWork(ReproductionContext context, PartFolder parts, int count)
{
    private readonly TestEmbeddings _embeddings = new(context);

    /// <summary>Does a part, after another process that does it. A part that is done stays as it is.</summary>
    /// <exception cref="DataException">The part failed, or another process has taken it over.</exception>
    public void Do(ReproductionPart part)
    {
        if (parts.IsDone(part))
            return;
        using var claim = parts.Take(part.FileName, $"does {part.Name}", context);
        try
        {
            Do(part, claim);
        }
        catch (TakenOverException e)
        {
            throw new DataException(e.Message, e);
        }
    }

    /// <summary>Does a part that this process has claimed.</summary>
    /// <returns>Whether it is done; false if another process has taken it over, with a note.</returns>
    /// <exception cref="DataException">The part failed.</exception>
    public bool TryDo(ReproductionPart part, FileClaim claim)
    {
        try
        {
            Do(part, claim);
            return true;
        }
        catch (TakenOverException e)
        {
            context.Progress.Warn(e.Message);
            return false;
        }
    }

    private void Do(ReproductionPart part, FileClaim claim)
    {
        // It may have been done after this process looked and before it had the claim.
        if (parts.IsDone(part))
        {
            claim.Delete();
            return;
        }
        string title = $"part {part.Index} of {count}, {part.Name}";
        context.Progress.Note($"{title}: {(claim.TakenFrom is { } former ? $"taken over from {former}" : "begins")}");
        try
        {
            using (WriteGuard.Begin(() => Require(part, claim)))
            {
                if (claim.HasPredecessor)
                    RunLock.Break(parts.RunOf(part));
                NoteOtherMachine(part);
                parts.Write(part, Train(part));
            }
            claim.Delete();
        }
        catch (Exception e) when (e is not OperationCanceledException and not TakenOverException && !claim.IsOwn())
        {
            // The other process has removed what this one was writing, or the folder is gone.
            WriteGuard.Require();
            throw TakenOver(part);
        }
        context.Progress.Note($"{title}: done");
    }

    private void Require(ReproductionPart part, FileClaim claim)
    {
        if (!claim.IsOwn())
            throw TakenOver(part);
    }

    private TakenOverException TakenOver(ReproductionPart part) => new($"{part.Name}: {parts.NameOfOwner(part)} has taken this part over; this worker stops it");

    private PartRecord Train(ReproductionPart part)
    {
        string root = context.FolderOf(part.Model), run = parts.RunOf(part);
        var options = context.Options.RunOf(part.Model, run);
        double training = 0, embedding = 0;
        EarlierFiles.RequireRun(root, part.Run, needsModel: false);
        if (part.Fold is { } fold)
        {
            string pretrained = Path.Combine(root, ReproductionLayout.Pretrained);
            Time(ref training, () => Finetuning.Run(context.Device, options, context.Data, pretrained, fold, context.Progress, context.Cancellation));
            context.Note($"{part.Model}, fold {fold}", Time(ref embedding, () => _embeddings.OfFinished(run)));
        }
        else
        {
            // Before the training: labels of test_b that are damaged are found now.
            if (context.Options.HasLabels)
                context.Note($"{part.Model}, random weights", Time(ref embedding, () => _embeddings.OfRandomWeights(root, options)));
            Time(ref training, () => Pretraining.Run(context.Device, options, context.Data, context.Progress, context.Cancellation));
            if (context.Options.HasLabels)
                context.Note($"{part.Model}, pretrained", Time(ref embedding, () => _embeddings.OfFinished(run)));
        }
        // A part that had lost its embeddings keeps the time of its training.
        var earlier = parts.Record(part);
        return new PartRecord(ClaimOwner.This.Host, ClaimOwner.This.Process, context.Device.Name, MadeBy.This(context.Device),
            training + (earlier?.TrainingSeconds ?? 0), embedding + (earlier?.EmbeddingSeconds ?? 0), RunSessions.Of(run).Count);
    }

    private T Time<T>(ref double seconds, Func<T> stage)
    {
        long start = context.Clock.GetTimestamp();
        var result = stage();
        seconds += context.Clock.GetElapsedTime(start).TotalSeconds;
        return result;
    }

    private void NoteOtherMachine(ReproductionPart part)
    {
        if (PartMachines.Changes(context, part, MadeBy.This(context.Device)) is { Count: > 0 } changes)
            context.Progress.Warn($"{part.Name}: warning: it continues on {string.Join(" and on ", changes)}; bits can differ");
    }

    private sealed class TakenOverException(string message) : Exception(message);
}
