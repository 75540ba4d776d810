using VideoSim.Engine.Interop;
using VideoSim.Engine.Serialization;

namespace VideoSim.Engine.Compilation;

/// <summary>
/// A folder of a cache, from which the program loads code. No other user may be able to put a file there. So the
/// folder and those between it and the root are made for this user alone, and refused if another user owns them or may
/// write to them.
/// </summary>
/// <param name="Root">The folder that the user has for caches; it may be missing.</param>
/// <param name="Name">Path of the folder below it.</param>
public sealed record CacheFolder(string Root, string Name)
{
    private const uint Administrator = 0;
    private const string Consequence = "so the program loads nothing from there", Advice = $"set {UserCache.RootVariable} to a folder of your own";
    private const UnixFileMode OwnerAlone = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>Path of the folder.</summary>
    public string FullPath => Path.Combine(Root, Name);

    /// <summary>
    /// One line that tells why the folder is refused, and what to do; null if it is not. A missing folder is not made.
    /// </summary>
    public string? Problem
    {
        get
        {
            try
            {
                Walk(static _ => { });
                return null;
            }
            catch (DataException e)
            {
                return e.Message;
            }
        }
    }

    /// <summary>Makes the folder unless it exists, and checks whom it belongs to.</summary>
    /// <returns>Its path, without links.</returns>
    /// <exception cref="DataException">
    /// Another user owns one of the folders or may write to it, or it cannot be made. The message names it.
    /// </exception>
    public string Open() => Walk(MakeUnlessThere);

    /// <summary>Makes a new folder inside this one, for this user alone.</summary>
    /// <exception cref="IOException">Something has the name, or the system reported an error.</exception>
    internal static void MakePrivate(string path) => FolderCalls.MakeNew(path, OwnerAlone);

    /// <summary>Refuses what another user owns inside this folder, and links.</summary>
    /// <exception cref="DataException">The path is one of these; the message names it.</exception>
    internal static void RequireOwn(string path)
    {
        if (WhyNotOwn(path) is { } reason)
            throw Refusal(path, reason);
    }

    // Goes from the root, or the lowest folder above it that exists, down to the folder.
    private string Walk(Action<string> make)
    {
        string folder = Path.GetFullPath(FullPath);
        try
        {
            string begin = Path.GetFullPath(Root), names = Path.Combine(begin, Name);
            while (!Directory.Exists(begin))
                begin = Path.GetDirectoryName(begin)!;
            names = Path.GetRelativePath(begin, names);
            folder = FolderCalls.WithoutLinks(begin);
            if (WhyNotRoot(folder) is { } wrong)
                throw new DataException($"{folder}: {wrong}, {Consequence}; {Advice}");
            foreach (string name in names.Split(Path.DirectorySeparatorChar))
            {
                folder = Path.Combine(folder, name);
                make(folder);
                if (WhyNotPrivate(folder) is { } reason)
                    throw Refusal(folder, reason);
            }
            return folder;
        }
        catch (Exception e) when (FileFailure.Is(e))
        {
            throw FileFailure.Writing(folder, e, folder);
        }
    }

    private static void MakeUnlessThere(string folder)
    {
        if (Directory.Exists(folder))
            return;
        try
        {
            MakePrivate(folder);
        }
        catch (IOException) when (Path.Exists(folder))
        {
            // Another process has made it meanwhile, or it is a file, which is refused.
        }
    }

    // Others may have files of their own in the root, but not take away those of this user.
    private static string? WhyNotRoot(string folder) => FileKind.StatusOf(folder) switch
    {
        { Owner: not Administrator and var owner } when owner != FileKind.ThisUser => "belongs to another user",
        { IsOpenToAll: true, IsSticky: false } => "can be written by other users",
        _ => null,
    };

    private static string? WhyNotPrivate(string folder) => WhyNotOwn(folder) ?? FileKind.StatusOf(folder) switch
    {
        { IsFolder: false } => "is not a folder",
        { IsOpenToOthers: true } => "can be written by other users",
        _ => null,
    };

    private static string? WhyNotOwn(string path) => FileKind.StatusOf(path) switch
    {
        { IsLink: true } => "is a link",
        { Owner: var owner } when owner != FileKind.ThisUser => "belongs to another user",
        _ => null,
    };

    private static DataException Refusal(string path, string reason) => new($"{path}: {reason}, {Consequence}; delete it, or {Advice}");
}
