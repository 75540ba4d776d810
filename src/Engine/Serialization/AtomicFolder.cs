using VideoSim.Engine.Interop;

namespace VideoSim.Engine.Serialization;

/// <summary>A file of an <see cref="AtomicFolder"/>.</summary>
/// <param name="Name">Its name inside the folder.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="Sha256">SHA-256 of its content, in lower-case hexadecimal, computed while it was written.</param>
public sealed record WrittenFile(string Name, long Bytes, string Sha256);

/// <summary>
/// A folder of files, such as a checkpoint, that exists whole or not at all. It is filled under a temporary name
/// beside its place, everything is flushed to the disk, then the folder is renamed.
/// </summary>
public sealed class AtomicFolder
{
    // Stands for the name of a new folder in the name of the unfinished content inside it.
    private const string Inside = "unfinished";

    // Shows that the process that fills the unfinished content is alive.
    private const string InUse = ".lock";

    private const UnixFileMode NewFolder = (UnixFileMode)0x1ff; // all rights; the umask takes some away

    private readonly string _path;
    private readonly string _temporary;
    private readonly Func<string, Stream>? _open;
    private readonly List<WrittenFile> _files = [];

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
        WriteGuard.Require();
        if (File.Exists(path))
            throw new DataException($"{path}: cannot be written: it is a file, not a folder");
        string temporary = TemporaryName.OfUnfinished(path);
        using var unfinished = UnfinishedWork.Result(() => Directory.Delete(temporary, recursive: true));
        try
        {
            DurableFolder.Make(Path.GetDirectoryName(temporary)!);
            FolderCalls.MakeNew(temporary, NewFolder);
            fill(new AtomicFolder(path, temporary, open));
            FolderCalls.Flush(temporary);
            UnfinishedWork.Place(() => Swap(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)), temporary));
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
    /// changes. After a failure it is as before. If the process is killed, the next writer of the same files replaces
    /// what is left.
    /// </summary>
    /// <param name="path">Path of the folder; missing parent folders are made.</param>
    /// <param name="fill">Adds the files.</param>
    /// <exception cref="DataException">
    /// The path is not a folder, or one with files, or another process is writing it, or the file system reported an
    /// error; the message names the path.
    /// </exception>
    public static void WriteNew(string path, Action<AtomicFolder> fill)
    {
        RequireNew(path);
        string temporary = TemporaryName.OfUnfinished(Path.Combine(Path.GetFullPath(path), Inside));
        var (made, moved) = (DurableFolder.Missing(path).ToArray(), new List<string>());
        using var unfinished = UnfinishedWork.Result(Undo);
        try
        {
            DurableFolder.Make(path);
            FolderCalls.MakeNew(temporary, NewFolder);
            using var turn = FileLock.TryTake(Path.Combine(temporary, InUse)) ?? throw HasWriter(path);
            // Its files take room. The folder itself stays to the end: it tells whose the other files are.
            string[] leftovers = [.. Directory.GetDirectories(path).Where(other => IsLeftoverInside(other) && Path.GetFileName(other) != Path.GetFileName(temporary))];
            foreach (string leftover in leftovers)
            {
                using var owner = FileLock.TryTake(Path.Combine(leftover, InUse)) ?? throw HasWriter(path);
                foreach (string entry in Directory.GetFileSystemEntries(leftover).Where(static entry => Path.GetFileName(entry) != InUse))
                    Remove(entry);
                FileLock.ReleaseAndDelete(owner);
            }
            var folder = new AtomicFolder(path, temporary, open: null);
            fill(folder);
            string[] names = [.. folder._files.Select(static file => file.Name.Split(Path.DirectorySeparatorChar)[0]).Distinct()];
            RequireOnly(path, names);
            UnfinishedWork.Place(() =>
            {
                foreach (string name in names.Reverse())
                {
                    if (name == names[0])
                        FolderCalls.Flush(path);
                    string unmoved = Path.Combine(temporary, name), place = Path.Combine(path, name);
                    if (Directory.Exists(unmoved))
                        FolderCalls.Flush(unmoved);
                    Remove(place);
                    Directory.Move(unmoved, place); // also moves files
                    moved.Add(place);
                }
                FileLock.ReleaseAndDelete(turn);
                foreach (string unneeded in leftovers.Append(temporary))
                    Directory.Delete(unneeded, recursive: true);
                unfinished.Dispose();
            });
            FolderCalls.Flush(path);
        }
        catch (Exception failure)
        {
            Undo();
            AtomicFile.ThrowIfRefused(failure, path, temporary);
            throw;
        }

        void Undo()
        {
            moved.ForEach(static entry => AtomicFile.DeleteLeftover(() => Remove(entry)));
            AtomicFile.DeleteLeftover(() => Directory.Delete(temporary, recursive: true));
            Array.ForEach(made, static folder => AtomicFile.DeleteLeftover(() => Directory.Delete(folder)));
        }
    }

    private static void Remove(string entry)
    {
        if (Directory.Exists(entry))
            Directory.Delete(entry, recursive: true);
        else
            File.Delete(entry);
    }

    // A process that was killed while it moved its files has left some of them in their places.
    private static void RequireOnly(string path, string[] names)
    {
        if (Directory.EnumerateFileSystemEntries(path).Any(entry => !IsLeftoverInside(entry) && !names.Contains(Path.GetFileName(entry))))
            throw HasFiles(path);
    }

    private static DataException HasWriter(string path) => new($"{path}: another process is writing this folder");

    private static DataException HasFiles(string path) => new($"{path}: is a folder with files; choose a new one");

    private static bool IsLeftoverInside(string path) => TemporaryName.FinalNameOfUnfinished(path) == Inside && Directory.Exists(path);

    /// <summary>
    /// Refuses a path that <see cref="WriteNew"/> refuses. Call it before the work whose result is written. Nothing
    /// changes.
    /// </summary>
    /// <exception cref="DataException">The path is not a folder, or one with files; the message names it.</exception>
    public static void RequireNew(string path)
    {
        if (FileKind.IsSpecial(path))
            throw new DataException($"{path}: cannot be written: it is a device or a pipe, not a folder");
        try
        {
            if (Directory.Exists(path))
            {
                string[] entries = Directory.GetFileSystemEntries(path);
                if (entries.Length > 0 && !entries.Any(IsLeftoverInside))
                    throw HasFiles(path);
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

    /// <summary>The files added so far, in their order.</summary>
    public IReadOnlyList<WrittenFile> Files => _files;

    /// <summary>Makes a folder inside, for files with names such as <c>test_a/label.tsv</c>.</summary>
    /// <param name="name">Its name; one that is there stays.</param>
    /// <exception cref="DataException">The file system reported an error; the message names the folder.</exception>
    public void AddFolder(string name)
    {
        string folder = Path.Combine(_temporary, name);
        try
        {
            DurableFolder.Make(folder);
        }
        catch (Exception failure) when (FileFailure.Is(failure))
        {
            throw FileFailure.Writing(Path.Combine(_path, name), failure, folder);
        }
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
            HashingStream? hashing = null;
            try
            {
                AtomicFile.WriteFlushed(file, stream =>
                {
                    hashing = new HashingStream(stream);
                    write(hashing);
                    hashing.Complete();
                }, _open).Dispose();
                _files.Add(new WrittenFile(name, hashing!.Length, hashing.TakeSha256()));
            }
            finally
            {
                hashing?.Dispose();
            }
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
        WriteGuard.Require();
        try
        {
            string doomed = TemporaryName.OfUnfinished(path);
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
        WriteGuard.Require();
        try
        {
            foreach (string path in Directory.Exists(parent) ? Directory.GetDirectories(parent) : [])
            {
                if (TemporaryName.FinalNameOfUnfinished(path) is { } unfinished && isOurs(unfinished))
                    Directory.Delete(path, recursive: true);
                if (TemporaryName.FinalNameOfReplaced(path) is { } replaced && isOurs(replaced))
                    BringBack(path, Path.Combine(parent, replaced));
            }
        }
        catch (Exception failure) when (FileFailure.Is(failure))
        {
            throw FileFailure.Writing(parent, failure, parent);
        }
    }

    private static void BringBack(string replaced, string place)
    {
        if (Directory.Exists(place))
        {
            Directory.Delete(replaced, recursive: true);
            return;
        }
        Directory.Move(replaced, place);
        DurableFolder.FlushParent(place);
    }

    // .NET has no call that exchanges two folders. The old folder is therefore moved aside first; Recover handles an
    // interruption in between.
    private static void Swap(string path, string temporary)
    {
        string? replaced = Directory.Exists(path) ? TemporaryName.OfReplaced(path) : null;
        if (replaced is not null)
            Directory.Move(path, replaced);
        try
        {
            Directory.Move(temporary, path);
        }
        catch (Exception failure) when (replaced is not null && FileFailure.Is(failure))
        {
            Directory.Move(replaced, path);
            throw;
        }
        DurableFolder.FlushParent(path);
        if (replaced is not null)
            AtomicFile.DeleteLeftover(() => Directory.Delete(replaced, recursive: true));
    }
}
