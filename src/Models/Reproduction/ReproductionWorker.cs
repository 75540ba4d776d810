using VideoSim.Engine;
using VideoSim.Engine.Compilation;
using VideoSim.Engine.Interop;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Reproduction;

/// <summary>
/// A process of several that share the parts of a reproduction. It takes the first part that is free and whose needs
/// are done, does it, and goes on. If there is none, it waits while others do the rest: one of them may stop.
/// </summary>
internal sealed class ReproductionWorker(ReproductionContext context, PartFolder folder, PartWork work, IReadOnlyList<ReproductionPart> parts, Action<string> reportFailure)
{
    private readonly HashSet<ReproductionPart> _failed = [];
    private string? _told;

    /// <summary>Works until all parts are done or none is left for this process.</summary>
    public void Run()
    {
        while (true)
        {
            context.Cancellation.ThrowIfCancellationRequested();
            var claims = folder.Claims();
            var left = parts.Where(part => !folder.IsDone(part)).ToArray();
            var ready = left.Where(part => !_failed.Contains(part) && part.Needs.All(index => !left.Contains(parts[index - 1]))).ToArray();
            if (ready.Where(part => claims.GetValueOrDefault(part.FileName) is null or { IsFree: true }).Any(TryDo))
            {
                _told = null;
                continue;
            }
            var others = left.Where(part => claims.GetValueOrDefault(part.FileName) is { IsFree: false }).ToArray();
            if (ready.Length == 0 && others.Length == 0)
                return;
            NoteWait([.. others.Select(part => $"{claims[part.FileName].Owner?.ToString() ?? "another process"} does {part.Name}")]);
            folder.Pause(context.Cancellation);
        }
    }

    // Whether this process had the part, so that the others are looked at anew.
    private bool TryDo(ReproductionPart part)
    {
        using var claim = folder.TryTake(part.FileName);
        if (claim is null)
            return false;
        try
        {
            work.TryDo(part, claim);
        }
        catch (CudaException e)
        {
            // A GPU that is lost does no other part.
            throw new DataException($"{part.Name}: {e.Message}", e);
        }
        catch (Exception e) when (e is DataException or InsufficientMemoryException or KernelCompilationException || FileFailure.Is(e))
        {
            WriteGuard.Require(); // without the folder, all parts fail
            _failed.Add(part);
            reportFailure($"{part.Name}: {e.Message.ReplaceLineEndings(" ")}");
        }
        return true;
    }

    private void NoteWait(string[] others)
    {
        string text = $"waiting: {string.Join(", ", others)}";
        if (text != _told && others.Length > 0)
            context.Progress.Note(text);
        _told = text;
    }
}
