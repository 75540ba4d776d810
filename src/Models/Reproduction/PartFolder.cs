using System.Text.Json;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Batches;
using VideoSim.Models.Checkpoints;
using VideoSim.Models.Training;
using VideoSim.Models.Zoo;

namespace VideoSim.Models.Reproduction;

/// <summary>
/// The folder parts/ of a reproduction. It has a record of each part that is done, and a claim of each part that a
/// process does.
/// </summary>
internal sealed class PartFolder(ReproductionOptions options, TimeProvider clock)
{
    /// <summary>Claim of the process that begins the reproduction.</summary>
    public const string Begin = "begin";

    /// <summary>Claim of the process that writes the results.</summary>
    public const string Collect = "collect";

    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);
    private const int LooksUntilTakeover = 6;

    private readonly string _folder = Path.Combine(options.OutputDirectory, RunLayout.Parts);
    private readonly ClaimFolder _claims = new(Path.Combine(options.OutputDirectory, RunLayout.Parts), clock);

    /// <summary>Files that reproductions make in the folder, as paths below that of the reproduction.</summary>
    public static IEnumerable<string> Files(string reproduction)
    {
        string folder = Path.Combine(reproduction, RunLayout.Parts);
        string[] claims = FolderListing.FilesIfAny(folder);
        var runs = from model in ModelZoo.Names from run in Enumerable.Range(1, Folds.Count).Select(ReproductionLayout.Fold).Prepend(ReproductionLayout.Pretrained) select $"{model}.{run}";
        // The process that deletes the others has the claim of the begin.
        return claims.Where(static file => ClaimFolder.IsClaim(file) && !Path.GetFileName(file).StartsWith(Begin, StringComparison.Ordinal)).Select(static file => Path.GetFileName(file))
            .Concat(runs.Select(static run => $"{run}.json")).Select(static name => Path.Combine(RunLayout.Parts, name));
    }

    /// <summary>Folder of a part's run.</summary>
    public string RunOf(ReproductionPart part) => Path.Combine(options.OutputDirectory, part.Model, part.Run);

    /// <summary>
    /// Whether a part is done: its record, the model after the last step and the embeddings are there. Only data with
    /// labels needs the embeddings of a pretraining.
    /// </summary>
    /// <exception cref="DataException">Its record is damaged; the message names it.</exception>
    public bool IsDone(ReproductionPart part)
    {
        string[] embeddings = part.Fold is not null ? [part.Run] : options.HasLabels ? [ReproductionLayout.Random, part.Run] : [];
        return Record(part) is not null && Directory.Exists(Path.Combine(RunOf(part), ModelFolder.LastOfRun))
            && embeddings.All(name => File.Exists(EarlierFiles.EmbeddingFile(Path.Combine(options.OutputDirectory, part.Model), name)));
    }

    /// <summary>The record of a part; null if there is none.</summary>
    /// <exception cref="DataException">It is damaged; the message names it.</exception>
    public PartRecord? Record(ReproductionPart part)
    {
        string file = RecordOf(part);
        try
        {
            return !File.Exists(file) ? null : JsonFile.Read(file, ReproductionJson.Default.PartRecord) is { Host: not null, Device: not null, MadeBy: not null } record ? record
                : throw new DataException($"{file}: lacks host, device or made_by");
        }
        catch (DataException e)
        {
            throw new DataException($"{e.Message}; delete {file} and do part {part.Index} ({part.Name}) again: it trains nothing", e);
        }
    }

    /// <summary>Writes the record of a part that is done.</summary>
    public void Write(ReproductionPart part, PartRecord record) =>
        AtomicFile.Write(RecordOf(part), stream => JsonSerializer.Serialize(stream, record, ReproductionJson.Default.PartRecord));

    /// <summary>All claims by the names of their work.</summary>
    public IReadOnlyDictionary<string, SeenClaim> Claims() => _claims.All();

    /// <summary>Deletes claims that killed processes have left of parts that are done.</summary>
    public void DeleteClaims(IEnumerable<ReproductionPart> parts)
    {
        foreach (string file in parts.SelectMany(part => FolderListing.Files(_folder, $"{part.FileName}.*")).Where(ClaimFolder.IsClaim))
            AtomicFile.DeleteLeftover(() => File.Delete(file));
    }

    /// <summary>
    /// Refuses if other processes work in the folder. A shared folder may have no locks. The owner of a claim may have
    /// ended on another machine, so the claim is watched until it changes or is free.
    /// </summary>
    /// <exception cref="DataException">A process works; the message names it.</exception>
    public void RequireAlone(ReproductionContext context)
    {
        for (bool told = false; Claims().Values.Where(static claim => !claim.IsFree).MaxBy(static claim => claim.HasChanged) is { } claim; told = true)
        {
            string owner = claim.Owner?.ToString() ?? "another process", has = $"has the claim {Path.GetFileName(claim.File)}";
            if (claim.HasChanged)
                throw new DataException($"{options.OutputDirectory} is in use by {owner}: it {has}");
            if (!told)
                context.Progress.Note($"waiting: {owner} {has}; if it has ended, this process goes on");
            Pause(context.Cancellation);
        }
    }

    /// <summary>Claims a work that is free; null if another process has it.</summary>
    public FileClaim? TryTake(string work) => _claims.TryTake(work, options.TakeoverAfter);

    /// <summary>The process that has a part, or has done it.</summary>
    public string NameOfOwner(ReproductionPart part) => _claims.Find(part.FileName)?.Owner?.ToString() ?? Record(part)?.Owner ?? "another process";

    /// <summary>Waits until a work is free, and claims it.</summary>
    /// <param name="work">Name of the work.</param>
    /// <param name="what">What it is, for a note about the wait.</param>
    /// <param name="context">Progress and cancellation.</param>
    public FileClaim Take(string work, string what, ReproductionContext context)
    {
        for (string? told = null; ;)
        {
            if (TryTake(work) is { } claim)
                return claim;
            string owner = _claims.Find(work) is not { } seen ? "another process" : seen.Owner?.ToString() ?? $"another process, whose claim {seen.File} cannot be read,";
            if (told != owner)
                context.Progress.Note($"waiting: {owner} {what}");
            told = owner;
            Pause(context.Cancellation);
        }
    }

    /// <summary>Waits a moment between two looks at the claims.</summary>
    public void Pause(CancellationToken cancellation)
    {
        var pause = options.TakeoverAfter / LooksUntilTakeover;
        cancellation.WaitHandle.WaitOne(pause < LongestPause ? pause : LongestPause);
        cancellation.ThrowIfCancellationRequested();
    }

    private string RecordOf(ReproductionPart part) => Path.Combine(_folder, $"{part.FileName}.json");
}
