using VideoSim.Engine.Interop;

namespace VideoSim.Engine.Serialization;

/// <summary>
/// Writes files that exist whole or not at all. A file is written beside its place under a temporary name, flushed to
/// the disk, then renamed. If the process is killed or the disk is full, the old file stays as it was.
/// </summary>
public static class AtomicFile
{
    private const string Unfinished = ".tmp-";
    private const int BufferSize = 1 << 16;

    /// <summary>Writes a file, replacing an older one; missing parent folders are made.</summary>
    /// <param name="path">Path of the file, or of a link to it. Only one writer at a time.</param>
    /// <param name="write">Writes the content.</param>
    /// <param name="open">Opens the temporary file; tests put a full disk here.</param>
    /// <exception cref="DataException">
    /// The file system reported an error; the message names the path and the reason.
    /// </exception>
    public static void Write(string path, Action<Stream> write, Func<string, Stream>? open = null)
    {
        path = Target(path);
        string temporary = Sibling(path, Unfinished);
        using var unfinished = UnfinishedWork.Result(() => File.Delete(temporary));
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(temporary)!);
            WriteFlushed(temporary, write, open);
            UnfinishedWork.Place(() => File.Move(temporary, path, overwrite: true));
        }
        catch (Exception failure)
        {
            DeleteLeftover(() => File.Delete(temporary));
            ThrowIfRefused(failure, path, temporary);
            throw;
        }
    }

    /// <summary>
    /// Writes two files that belong together. If the process is killed meanwhile, the old pair, the new pair, or no
    /// <paramref name="second"/> is left: never files of two pairs.
    /// </summary>
    /// <exception cref="DataException">
    /// The file system reported an error; the message names the path and the reason.
    /// </exception>
    public static void WritePair(string first, Action<Stream> writeFirst, string second, Action<Stream> writeSecond)
    {
        (first, second) = (Target(first), Target(second));
        var (newFirst, newSecond) = (Sibling(first, Unfinished), Sibling(second, Unfinished));
        using var unfinishedFirst = UnfinishedWork.Result(() => File.Delete(newFirst));
        using var unfinishedSecond = UnfinishedWork.Result(() => File.Delete(newSecond));
        try
        {
            // Steps that take long or may fail come before the old second file is deleted.
            Prepare(first, newFirst, writeFirst);
            Prepare(second, newSecond, writeSecond);
            UnfinishedWork.Place(() =>
            {
                Try(second, newSecond, () => File.Delete(second));
                Try(first, newFirst, () => File.Move(newFirst, first, overwrite: true));
                Try(second, newSecond, () => File.Move(newSecond, second));
            });
        }
        catch
        {
            DeleteLeftover(() => File.Delete(newFirst));
            DeleteLeftover(() => File.Delete(newSecond));
            throw;
        }

        static void Prepare(string path, string temporary, Action<Stream> write) => Try(path, temporary, () =>
        {
            Directory.CreateDirectory(Path.GetDirectoryName(temporary)!);
            WriteFlushed(temporary, write, open: null);
        });

        static void Try(string path, string temporary, Action action)
        {
            try
            {
                action();
            }
            catch (Exception failure)
            {
                ThrowIfRefused(failure, path, temporary);
                throw;
            }
        }
    }

    /// <summary>
    /// Throws if <see cref="Write"/> could not write a path, or would replace an input. Call it before the work that
    /// computes the file. An existing file stays as it is, and a missing parent folder stays missing.
    /// </summary>
    /// <param name="path">The path.</param>
    /// <param name="inputs">Paths of the files that the work reads; they need not exist.</param>
    /// <exception cref="DataException">
    /// The path is an input, or the file system reported an error; the message names the path and the reason.
    /// </exception>
    public static void RequireWritable(string path, params IEnumerable<string> inputs)
    {
        if (inputs.FirstOrDefault(input => FileKind.IsSame(path, input)) is { } same)
            throw new DataException($"{path}: cannot be written: it is {(same == path ? "an input" : $"the input {same}")} of the same command");
        path = Target(path);
        if (Directory.Exists(path))
            throw new DataException($"{path}: cannot be written: it is a folder");
        string probe = Sibling(path, Unfinished + "probe-");
        string[] made = [.. MissingFolders(Path.GetDirectoryName(probe)!)];
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(probe)!);
            using (new FileStream(probe, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 1, FileOptions.DeleteOnClose))
            {
            }
        }
        catch (Exception failure)
        {
            ThrowIfRefused(failure, path, probe);
            throw;
        }
        finally
        {
            // A folder that another process has put something into stays.
            foreach (string folder in made)
                DeleteLeftover(() => Directory.Delete(folder));
        }
    }

    // The folder and those above it that do not exist, the lowest first.
    private static IEnumerable<string> MissingFolders(string folder)
    {
        for (string? one = folder; one is not null && !Directory.Exists(one); one = Path.GetDirectoryName(one))
            yield return one;
    }

    /// <summary>
    /// Whether a path is the leftover of a process that was killed while it wrote a file of this name. The next write
    /// of that file replaces it.
    /// </summary>
    public static bool IsLeftover(string path, string name) => Path.GetFileName(path) == LeftoverOf(name);

    /// <summary>
    /// The name of what a process leaves that is killed while it writes a file. The name may begin with folders.
    /// </summary>
    public static string LeftoverOf(string name) => Path.Combine(Path.GetDirectoryName(name) ?? "", Unfinished + Path.GetFileName(name));

    // A link stays a link: the file that it names is written. A device or a pipe is refused, because the rename would
    // replace it.
    private static string Target(string path)
    {
        if (FileKind.IsSpecial(path))
            throw new DataException($"{path}: cannot be written: it is a device or a pipe, not a file");
        try
        {
            return File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path;
        }
        catch (Exception failure) when (FileFailure.Is(failure))
        {
            return path; // the error is reported when the file is written
        }
    }

    /// <summary>The path beside <paramref name="path"/> whose name has <paramref name="prefix"/> in front.</summary>
    internal static string Sibling(string path, string prefix)
    {
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        return Path.Combine(Path.GetDirectoryName(full) ?? full, prefix + Path.GetFileName(full));
    }

    /// <summary>Writes a file at its final path, and returns when its bytes are on the disk.</summary>
    internal static void WriteFlushed(string path, Action<Stream> write, Func<string, Stream>? open)
    {
        using var stream = open is null
            ? new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, BufferSize)
            : open(path);
        write(stream);
        if (stream is FileStream file)
            file.Flush(flushToDisk: true);
        else
            stream.Flush();
    }

    /// <summary>
    /// Reports an error of the file system as one line about <paramref name="path"/>; other failures pass.
    /// </summary>
    internal static void ThrowIfRefused(Exception failure, string path, string temporary)
    {
        if (FileFailure.Is(failure))
            throw FileFailure.Writing(path, failure, temporary);
    }

    /// <summary>Deletes leftovers of a failure. A failure to delete must not hide the first failure.</summary>
    public static void DeleteLeftover(Action delete)
    {
        try
        {
            delete();
        }
        catch (Exception failure) when (FileFailure.Is(failure))
        {
            // The first failure is reported; the next write of this path replaces the leftover.
        }
    }
}
