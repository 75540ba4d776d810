namespace VideoSim.Engine.Serialization;

/// <summary>
/// A folder of files, such as a checkpoint, that exists whole or not at all. It is filled under a temporary name
/// beside its place, every file is flushed to the disk, then the folder is renamed.
/// </summary>
public sealed class AtomicFolder
{
    private const string Unfinished = ".tmp-";
    private const string Replaced = ".old-";

    private readonly string _path;
    private readonly string _temporary;
    private readonly Func<string, Stream>? _open;

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
        try
        {
            string name = Path.GetFileName(temporary)[Unfinished.Length..];
            Recover(Path.GetDirectoryName(temporary)!, other => other == name);
            Directory.CreateDirectory(temporary);
            fill(new AtomicFolder(path, temporary, open));
            Swap(path, temporary);
        }
        catch (Exception failure)
        {
            AtomicFile.DeleteLeftover(() => Directory.Delete(temporary, recursive: true));
            AtomicFile.ThrowIfRefused(failure, path, temporary);
            throw;
        }
    }

    /// <summary>
    /// Throws if <see cref="Write"/> could not write a new folder. Call it before the work that computes the files.
    /// Missing parent folders are created.
    /// </summary>
    /// <exception cref="DataException">
    /// The path has a file or a folder that is not empty, or the file system reported an error; the message names the
    /// path.
    /// </exception>
    public static void RequireNew(string path)
    {
        if (File.Exists(path))
            throw new DataException($"{path}: cannot be written: it is a file");
        try
        {
            if (Directory.Exists(path) && Directory.EnumerateFileSystemEntries(path).Any())
                throw new DataException($"{path}: is a folder with files; choose a new one");
        }
        catch (Exception failure) when (FileFailure.Is(failure))
        {
            throw FileFailure.Writing(path, failure, path);
        }
        if (!Directory.Exists(path))
            AtomicFile.RequireWritable(path);
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
