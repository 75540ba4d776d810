using System.Globalization;
using System.Text.Json.Serialization;
using VideoSim.Engine.Interop;

namespace VideoSim.Engine.Serialization;

/// <summary>A claim as another process sees it.</summary>
/// <param name="File">Its file.</param>
/// <param name="Generation">The number at the end of its name. Each takeover adds 1.</param>
/// <param name="Owner">Its owner; null while it changes hands, or if the file is damaged.</param>
/// <param name="IsFree">Whether it may be taken over.</param>
/// <param name="HasChanged">Whether its file has changed since the first look, so that its owner works.</param>
public sealed record SeenClaim(string File, int Generation, ClaimOwner? Owner, bool IsFree, bool HasChanged);

/// <summary>
/// Claims of work in a folder that processes of several machines share: a file NAME.claim-N for each work. Clocks and
/// times of files decide nothing. A claim may be taken over if its owner has given it up, or is a process of this
/// machine that has ended, or if the file has not changed for the claim's own number of seconds of this process's
/// clock. Time without looks does not count: if this process was stopped, the owner may have been as well. Use one
/// instance for all looks, because it keeps how long each file has been the same.
/// </summary>
/// <param name="folder">The folder; it need not exist.</param>
/// <param name="clock">Measures how long a claim has not changed.</param>
public sealed class ClaimFolder(string folder, TimeProvider clock)
{
    private const string Infix = ".claim-";

    private readonly Dictionary<string, (byte[] Content, TimeSpan Still, long LastLook, bool HasChanged)> _seen = [];

    /// <summary>Whether a path has the name of a claim's file.</summary>
    public static bool IsClaim(string path) => GenerationOf(path) > 0;

    /// <summary>The claim of a work; null if there is none.</summary>
    /// <exception cref="DataException">The folder or the file cannot be read; the message names it.</exception>
    public SeenClaim? Find(string name) => Look(name).GetValueOrDefault(name);

    /// <summary>All claims by the names of their work.</summary>
    /// <exception cref="DataException">The folder or a file cannot be read; the message names it.</exception>
    public IReadOnlyDictionary<string, SeenClaim> All() => Look("*");

    /// <summary>Claims a work that is free.</summary>
    /// <param name="name">Name of the work. It is the beginning of a file's name.</param>
    /// <param name="takeoverAfter">Time without a change after which another process may take the claim over.</param>
    /// <returns>Null if another process has the claim or was faster.</returns>
    /// <exception cref="DataException">The folder cannot be written; the message names it.</exception>
    public FileClaim? TryTake(string name, TimeSpan takeoverAfter)
    {
        var seen = Find(name);
        if (seen is { IsFree: false })
            return null;
        WriteGuard.Require();
        int generation = (seen?.Generation ?? 0) + 1;
        string file = Path.Combine(folder, $"{name}{Infix}{generation.ToString(CultureInfo.InvariantCulture)}");
        try
        {
            DurableFolder.Make(folder);
            FileFailure.RequireFile(file);
            // One process renames the file; for the others it has gone. A process that looked in between may make the
            // first claim again. It gives that up below, and no late process can rename it to a name that is taken.
            if (seen is not null && !FolderCalls.TryRename(seen.File, file))
                return null;
            return FileClaim.TryWrite(file, generation, takeoverAfter, isNew: seen is null, seen?.Owner) is { } claim ? IfNewest(name, generation, claim) : null;
        }
        catch (Exception e) when (FileFailure.Is(e))
        {
            throw FileFailure.Writing(file, e, file);
        }
    }

    private FileClaim? IfNewest(string name, int generation, FileClaim claim)
    {
        bool isTaken = false;
        try
        {
            if (Find(name)?.Generation == generation)
            {
                DeleteOlder(name, generation);
                isTaken = true;
            }
            else
            {
                claim.Delete(); // it was made beside a newer one
            }
            return isTaken ? claim : null;
        }
        finally
        {
            if (!isTaken)
                claim.Dispose();
        }
    }

    // A process that was killed while it renamed a claim leaves the old name.
    private void DeleteOlder(string name, int generation)
    {
        foreach (string file in Files($"{name}{Infix}*").Where(file => GenerationOf(file) < generation))
            AtomicFile.DeleteLeftover(() => File.Delete(file));
    }

    private Dictionary<string, SeenClaim> Look(string name)
    {
        var found = new Dictionary<string, SeenClaim>();
        foreach (string file in Files($"{name}{Infix}*"))
        {
            int generation = GenerationOf(file);
            string work = Path.GetFileName(file)[..Math.Max(0, Path.GetFileName(file).LastIndexOf(Infix, StringComparison.Ordinal))];
            if (generation > (found.GetValueOrDefault(work)?.Generation ?? 0) && FileClaim.Read(file) is { } content)
                found[work] = See(file, generation, content);
        }
        return found;
    }

    // Other processes make the folder, and delete it after a begin that failed.
    private string[] Files(string pattern) => FolderListing.FilesIfAny(folder, pattern);

    private SeenClaim See(string file, int generation, byte[] bytes)
    {
        var content = ClaimContent.Parse(bytes);
        var wait = TimeSpan.FromSeconds(content?.TakeoverSeconds ?? FileClaim.DefaultTakeover.TotalSeconds);
        var (still, hasChanged) = Compare(file, bytes, longestPause: wait / FileClaim.Beats);
        // The winner of a takeover has not written its own content yet.
        bool isComplete = content?.Generation == generation;
        bool isFree = (isComplete && (content!.Released || content.Owner.IsDead)) || still >= wait;
        return new SeenClaim(file, generation, isComplete && !content!.Released ? content.Owner : null, isFree, hasChanged);
    }

    // How long the file has been the same, and whether it was another one at the look before.
    private (TimeSpan Still, bool HasChanged) Compare(string file, byte[] bytes, TimeSpan longestPause)
    {
        long now = clock.GetTimestamp();
        var still = TimeSpan.Zero;
        bool isKnown = _seen.TryGetValue(file, out var before), hasChanged = isKnown;
        if (isKnown && before.Content.AsSpan().SequenceEqual(bytes))
        {
            var pause = clock.GetElapsedTime(before.LastLook, now);
            still = before.Still + (pause < longestPause ? pause : longestPause);
            hasChanged = before.HasChanged;
        }
        _seen[file] = (bytes, still, now, hasChanged);
        return (still, hasChanged);
    }

    private static int GenerationOf(string path)
    {
        string name = Path.GetFileName(path);
        int at = name.LastIndexOf(Infix, StringComparison.Ordinal);
        return at > 0 && int.TryParse(name.AsSpan(at + Infix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int generation) ? generation : 0;
    }
}

/// <summary>The content of a claim's file.</summary>
internal sealed record ClaimContent(string Token, int Generation, ClaimOwner Owner, double TakeoverSeconds, bool Released, long Beat)
{
    private const double MostSeconds = 1e6;

    /// <summary>The content of a file; null if it is damaged, or only a part of it was read.</summary>
    public static ClaimContent? Parse(byte[] bytes)
    {
        try
        {
            return JsonFile.Parse("", bytes, ClaimJson.Default.ClaimContent) is { Token.Length: > 0, Owner.Host: not null, TakeoverSeconds: > 0 and < MostSeconds } content ? content : null;
        }
        catch (DataException)
        {
            return null;
        }
    }
}

/// <summary>JSON of claims.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(ClaimContent))]
internal sealed partial class ClaimJson : JsonSerializerContext;
