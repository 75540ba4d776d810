using VideoSim.Engine.Interop;

namespace VideoSim.Engine.Serialization;

/// <summary>
/// A folder of files, such as a checkpoint, that exists whole or not at all. It is filled under a temporary name
/// beside its place, every file is flushed to the disk, then the folder is renamed.
/// </summary>
public sealed class AtomicFolder
{
    private const string Unfinished = ".tmp-";
    private const string Replaced = ".old-";

    // Name of the unfinished content inside a new folder.
    private const string UnfinishedInside = Unfinished + "unfinished";

    private readonly string _path;
    private readonly string _temporary;
    private readonly Func<string, Stream>? _open;
    private readonly List<string> _names = [];

    private AtomicFolder(string path, string temporary, Func<string, Stream>? open)
    {
        _path = path;
        _temporary = temporary;
        _open = open;
    }

    /// <summary>Writes a folder, replacing an older one; missing parent folders are made.</summary>
    /// <param name="path">Path of the folder. Only one writer at a time.</param>
    /// <param name="fill">Adds the files.</param>
    /// <param name="open">Opens each file of the temporary folder; tests put a full disk here.</param>
    /// <exception cref="DataException">
    /// The file system reported an error; the message names the path and the reason.
    /// </exception>
    public static void Write(string path, Action<AtomicFolder> fill, Func<string, Stream>? open = null)
    {
        string temporary = AtomicFile.Sibling(path, Unfinished);
        using var unfinished = UnfinishedWork.Result(() => Directory.Delete(temporary, recursive: true));
        try
        {
            string name = Path.GetFileName(temporary)[Unfinished.Length..];
            Recover(Path.GetDirectoryName(temporary)!, other => other == name);
            Directory.CreateDirectory(temporary);
            fill(new AtomicFolder(path, temporary, open));
            UnfinishedWork.Place(() => Swap(Path.GetFullPath(path), temporary));
        }
        catch (Exception failure)
        {
            AtomicFile.DeleteLeftover(() => Directory.Delete(temporary, recursive: true));
            AtomicFile.ThrowIfRefused(failure, path, temporary);
            throw;
        }
    }

    /// <summary>
    /// Writes a folder that must be absent or empty. It is filled inside, under a temporary name. Then its files are
    /// moved to their places, the first one last: without it readers do not take the folder for a whole one. So a
    /// mount point, a link to a folder and the current folder stay what they are, and nothing beside the folder
    /// changes. After a failure it is as before. If the process is killed, the next writer removes what is left.
    /// </summary>
    /// <param name="path">Path of the folder; missing parent folders are made. Only one writer at a time.</param>
    /// <param name="fill">Adds the files.</param>
    /// <exception cref="DataException">
    /// The path is not a folder, or one with files, or the file system reported an error; the message names the path.
    /// </exception>
    public static void WriteNew(string path, Action<AtomicFolder> fill)
    {
        string temporary = Path.Combine(Path.GetFullPath(path), UnfinishedInside);
        RequireNew(path);
        var (made, moved) = (Missing(path), new List<string>());
        using var unfinished = UnfinishedWork.Result(Undo);
        try
        {
            if (Directory.Exists(temporary))
                Directory.Delete(temporary, recursive: true);
            Directory.CreateDirectory(temporary);
            var folder = new AtomicFolder(path, temporary, open: null);
            fill(folder);
            UnfinishedWork.Place(() =>
            {
                foreach (string name in Enumerable.Reverse(folder._names))
                {
                    File.Move(Path.Combine(temporary, name), Path.Combine(path, name));
                    moved.Add(Path.Combine(path, name));
                }
                Directory.Delete(temporary);
                unfinished.Dispose();
            });
        }
        catch (Exception failure)
        {
            Undo();
            AtomicFile.ThrowIfRefused(failure, path, temporary);
            throw;
        }

        void Undo()
        {
            moved.ForEach(static file => AtomicFile.DeleteLeftover(() => File.Delete(file)));
            AtomicFile.DeleteLeftover(() => Directory.Delete(temporary, recursive: true));
            made.ForEach(static folder => AtomicFile.DeleteLeftover(() => Directory.Delete(folder)));
        }
    }

    private static void RequireNew(string path)
    {
        if (FileKind.IsSpecial(path))
            throw new DataException($"{path}: cannot be written: it is a device or a pipe, not a folder");
        try
        {
            if (Directory.Exists(path))
            {
                if (Directory.EnumerateFileSystemEntries(path).Any(static entry => Path.GetFileName(entry) != UnfinishedInside))
                    throw new DataException($"{path}: is a folder with files; choose a new one");
            }
            else if (File.Exists(path))
            {
                bool isDangling = File.ResolveLinkTarget(path, returnFinalTarget: true) is { Exists: false };
                throw new DataException($"{path}: cannot be written: it is {(isDangling ? "a link to nothing" : "a file")}");
            }
        }
        catch (Exception failure) when (FileFailure.Is(failure))
        {
            throw FileFailure.Writing(path, failure, path);
        }
    }

    // The folder and its parents that do not exist, from the inside out.
    private static List<string> Missing(string path)
    {
        var missing = new List<string>();
        for (string? folder = Path.GetFullPath(path); folder is not null && !Directory.Exists(folder); folder = Path.GetDirectoryName(folder))
            missing.Add(folder);
        return missing;
    }

    /// <summary>
    /// The name of a folder. For what a process leaves that is killed while it writes a folder, the name of that
    /// folder.
    /// </summary>
    public static string NameOf(string path)
    {
        string name = Path.GetFileName(path);
        string? prefix = new[] { Unfinished, Replaced }.FirstOrDefault(prefix => name.StartsWith(prefix, StringComparison.Ordinal));
        return name[(prefix?.Length ?? 0)..];
    }

    /// <summary>Adds a file to the folder, and returns when its bytes are on the disk.</summary>
    /// <param name="name">The file's name inside the folder.</param>
    /// <param name="write">Writes the content.</param>
    /// <exception cref="DataException">
    /// The file system reported an error; the message names the file in its final place.
    /// </exception>
    public void Add(string name, Action<Stream> write)
    {
        string file = Path.Combine(_temporary, name);
        try
        {
            AtomicFile.WriteFlushed(file, write, _open);
            _names.Add(name);
        }
        catch (Exception failure)
        {
            AtomicFile.ThrowIfRefused(failure, Path.Combine(_path, name), file);
            throw;
        }
    }

    /// <summary>
    /// Deletes a folder. If the process is killed meanwhile, the folder is whole, or <see cref="Recover"/> cleans up.
    /// </summary>
    /// <exception cref="DataException">
    /// The file system reported an error; the message names the path and the reason.
    /// </exception>
    public static void Delete(string path)
    {
        try
        {
            string doomed = AtomicFile.Sibling(path, Unfinished);
            Directory.Move(path, doomed);
            Directory.Delete(doomed, recursive: true);
        }
        catch (Exception failure) when (FileFailure.Is(failure))
        {
            throw FileFailure.Writing(path, failure, path);
        }
    }

    /// <summary>
    /// Cleans up after a process that was killed while it wrote. Unfinished folders are deleted. A folder that was
    /// moved aside for its successor is moved back if the successor is missing. Call it before looking for folders.
    /// </summary>
    /// <param name="parent">The folder that contains them; it may be missing.</param>
    /// <param name="isOurs">
    /// Whether a name belongs to the caller, such as <c>last</c>; other folders stay as they are.
    /// </param>
    /// <exception cref="DataException">
    /// The file system reported an error; the message names the path and the reason.
    /// </exception>
    public static void Recover(string parent, Func<string, bool> isOurs)
    {
        try
        {
            if (!Directory.Exists(parent))
                return;
            foreach (string? unfinished in Directory.GetDirectories(parent, Unfinished + "*").Where(path => isOurs(Path.GetFileName(path)[Unfinished.Length..])))
                Directory.Delete(unfinished, recursive: true);
            foreach (string? replaced in Directory.GetDirectories(parent, Replaced + "*").Where(path => isOurs(Path.GetFileName(path)[Replaced.Length..])))
            {
                string place = Path.Combine(parent, Path.GetFileName(replaced)[Replaced.Length..]);
                if (Directory.Exists(place))
                    Directory.Delete(replaced, recursive: true);
                else
                    Directory.Move(replaced, place);
            }
        }
        catch (Exception failure) when (FileFailure.Is(failure))
        {
            throw FileFailure.Writing(parent, failure, parent);
        }
    }

    // .NET has no call that exchanges two folders. The old folder is therefore moved aside first; Recover handles an
    // interruption in between.
    private static void Swap(string path, string temporary)
    {
        if (!Directory.Exists(path))
        {
            Directory.Move(temporary, path);
            return;
        }
        string replaced = AtomicFile.Sibling(path, Replaced);
        Directory.Move(path, replaced);
        try
        {
            Directory.Move(temporary, path);
        }
        catch (Exception failure) when (FileFailure.Is(failure))
        {
            Directory.Move(replaced, path);
            throw;
        }
        AtomicFile.DeleteLeftover(() => Directory.Delete(replaced, recursive: true));
    }
}
