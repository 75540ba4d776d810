using VideoSim.Engine.Interop;

namespace VideoSim.Engine.Serialization;

/// <summary>
/// Files that are there whole or not at all: written beside their place under a temporary name, flushed to the disk,
/// then renamed. Whoever is killed or runs out of disk on the way leaves the old file as it was.
/// </summary>
public static class AtomicFile
{
    private const string Unfinished = ".tmp-";
    private const int BufferSize = 1 << 16;

    /// <summary>Writes a file, replacing an older one; missing parent folders are made.</summary>
    /// <param name="path">Where the file shall appear, or a link to it. One writer at a time.</param>
    /// <param name="write">Writes the content.</param>
    /// <param name="open">Opens the temporary file; tests put a full disk here.</param>
    /// <exception cref="DataException">The file system refused; the message names the path and the reason.</exception>
    public static void Write(string path, Action<Stream> write, Func<string, Stream>? open = null)
    {
        path = Target(path);
        string temporary = Sibling(path, Unfinished);
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(temporary)!);
            WriteFlushed(temporary, write, open);
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception failure)
        {
            DeleteLeftover(() => File.Delete(temporary));
            ThrowIfRefused(failure, path, temporary);
            throw;
        }
    }

    /// <summary>
    /// Writes two files that mean nothing without each other. Whoever is killed on the way leaves the old pair, the new pair, or no
    /// <paramref name="second"/>: never the files of two pairs.
    /// </summary>
    /// <exception cref="DataException">The file system refused; the message names the path and the reason.</exception>
    public static void WritePair(string first, Action<Stream> writeFirst, string second, Action<Stream> writeSecond)
    {
        (first, second) = (Target(first), Target(second));
        var (newFirst, newSecond) = (Sibling(first, Unfinished), Sibling(second, Unfinished));
        try
        {
            // What takes long or may fail comes before the old second file goes.
            Prepare(first, newFirst, writeFirst);
            Prepare(second, newSecond, writeSecond);
            Try(second, newSecond, () => File.Delete(second));
            Try(first, newFirst, () => File.Move(newFirst, first, overwrite: true));
            Try(second, newSecond, () => File.Move(newSecond, second));
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
    /// Refuses a path that <see cref="Write"/> could not write, before the work whose result is to go there. Missing parent folders are
    /// made; a file that is there stays as it is.
    /// </summary>
    /// <exception cref="DataException">The file system refused; the message names the path and the reason.</exception>
    public static void RequireWritable(string path)
    {
        path = Target(path);
        if (Directory.Exists(path))
            throw new DataException($"{path}: cannot be written: it is a folder");
        string probe = Sibling(path, Unfinished + "probe-");
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
    }

    /// <summary>Whether a path is what a process left that was killed while it wrote a file of this name; the next write of that file replaces it.</summary>
    public static bool IsLeftover(string path, string name) => Path.GetFileName(path) == Unfinished + name;

    // A link stays one: what it names is written. A device or a pipe would be replaced by a file.
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
            return path; // what is wrong with it is said when it is written
        }
    }

    /// <summary>The path beside <paramref name="path"/> whose name has <paramref name="prefix"/> in front.</summary>
    internal static string Sibling(string path, string prefix)
    {
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        return Path.Combine(Path.GetDirectoryName(full) ?? full, prefix + Path.GetFileName(full));
    }

    /// <summary>Writes a file in its final place and returns when its bytes are on the disk.</summary>
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

    /// <summary>Reports a refusal of the file system as one line about <paramref name="path"/>; other failures pass.</summary>
    internal static void ThrowIfRefused(Exception failure, string path, string temporary)
    {
        if (FileFailure.Is(failure))
            throw FileFailure.Writing(path, failure, temporary);
    }

    /// <summary>Deletes what a failure left; what cannot be deleted must not hide why writing failed.</summary>
    internal static void DeleteLeftover(Action delete)
    {
        try
        {
            delete();
        }
        catch (Exception failure) when (FileFailure.Is(failure))
        {
            // The first failure is the one to report; the next write of this path starts over the leftover.
        }
    }
}
