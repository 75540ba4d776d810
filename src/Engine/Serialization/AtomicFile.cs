using VideoSim.Engine.Interop;

namespace VideoSim.Engine.Serialization;

/// <summary>
/// Writes files that exist whole or not at all. A file is written beside its place under a temporary name, flushed to
/// the disk, then renamed. If the process is killed, the disk is full or the power fails, the old file stays as it
/// was.
/// </summary>
public static class AtomicFile
{
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
        WriteGuard.Require();
        path = Target(path);
        string temporary = TemporaryName.OfUnfinished(path);
        using var unfinished = UnfinishedWork.Result(() => File.Delete(temporary));
        try
        {
            DurableFolder.Make(Path.GetDirectoryName(temporary)!);
            DeleteLeftovers(path);
            using (WriteFlushed(temporary, write, open))
                UnfinishedWork.Place(() => File.Move(temporary, path, overwrite: true));
            DurableFolder.FlushParent(path);
        }
        catch (Exception failure)
        {
            DeleteLeftover(() => File.Delete(temporary));
            ThrowIfRefused(failure, path, temporary);
            throw;
        }
    }

    /// <summary>
    /// Writes two files that belong together. If the process is killed or the power fails meanwhile, the old pair, the
    /// new pair, or no <paramref name="second"/> is left: never files of two pairs.
    /// </summary>
    /// <exception cref="DataException">
    /// Another process is writing the pair, or the file system reported an error; the message names the path.
    /// </exception>
    public static void WritePair(string first, Action<Stream> writeFirst, string second, Action<Stream> writeSecond)
    {
        WriteGuard.Require();
        (first, second) = (Target(first), Target(second));
        var (newFirst, newSecond) = (TemporaryName.OfUnfinished(first), TemporaryName.OfUnfinished(second));
        using var unfinishedFirst = UnfinishedWork.Result(() => File.Delete(newFirst));
        using var unfinishedSecond = UnfinishedWork.Result(() => File.Delete(newSecond));
        FileStream? turn = null;
        try
        {
            Try(first, newFirst, () => turn = TakeTurn(first, Path.GetDirectoryName(newFirst)!));
            // Steps that take long or may fail come before the old second file is deleted.
            using var heldFirst = Prepare(first, newFirst, writeFirst);
            using var heldSecond = Prepare(second, newSecond, writeSecond);
            // Each of them is on the disk before the next one.
            UnfinishedWork.Place(() =>
            {
                Try(second, newSecond, () => File.Delete(second));
                Try(first, newFirst, () => File.Move(newFirst, first, overwrite: true));
                Try(second, newSecond, () => File.Move(newSecond, second, overwrite: true));
            });
        }
        catch
        {
            DeleteLeftover(() => File.Delete(newFirst));
            DeleteLeftover(() => File.Delete(newSecond));
            throw;
        }
        finally
        {
            if (turn is not null)
                FileLock.ReleaseAndDelete(turn);
        }

        static FileStream TakeTurn(string path, string folder)
        {
            DurableFolder.Make(folder);
            return FileLock.TryTake(Path.Combine(folder, $".{Path.GetFileName(path)}.lock")) ?? throw new DataException($"{path}: another process is writing this file");
        }

        static Stream Prepare(string path, string temporary, Action<Stream> write)
        {
            Stream? held = null;
            Try(path, temporary, () =>
            {
                DurableFolder.Make(Path.GetDirectoryName(temporary)!);
                DeleteLeftovers(path);
                held = WriteFlushed(temporary, write, open: null);
            });
            return held!;
        }

        static void Try(string path, string temporary, Action action)
        {
            try
            {
                action();
                DurableFolder.FlushParent(path);
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
        string probe = TemporaryName.OfUnfinished(path);
        string[] made = [.. DurableFolder.Missing(Path.GetDirectoryName(probe)!)];
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(probe)!);
            FileKind.Find(path); // fails if the name is too long; that of the probe is shorter
            using (new FileStream(probe, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 1, FileOptions.DeleteOnClose))
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

    // A link stays a link: the file that it leads to is written. A device or a pipe is refused, because the rename
    // would replace it.
    private static string Target(string path)
    {
        try
        {
            if (FileKind.Find(path) is { IsFile: false, IsFolder: false })
                throw new DataException($"{path}: cannot be written: it is a device or a pipe, not a file");
            if (FileKind.IsLinkOfAnother(path))
                throw new DataException($"{path}: cannot be written: it is a link that another user made");
        }
        catch (Exception failure) when (FileFailure.Is(failure))
        {
            throw FileFailure.Writing(path, failure, path);
        }
        try
        {
            return File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path;
        }
        catch (Exception failure) when (FileFailure.Is(failure))
        {
            return path; // the error is reported when the file is written
        }
    }

    /// <summary>Writes a new file, and returns when its bytes are on the disk.</summary>
    /// <returns>
    /// The open file. While it is open it has a lock, so that other writers do not take it for a leftover.
    /// </returns>
    internal static Stream WriteFlushed(string path, Action<Stream> write, Func<string, Stream>? open)
    {
        // Some file systems lock only a file that is open for reading, see DeleteLeftovers. On NFS and SMB, .NET does
        // not lock a file that is open for writing. There a second writer deletes what this one has begun.
        var stream = open is null
            ? new FileStream(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Read | FileShare.Delete, BufferSize)
            : open(path);
        try
        {
            write(stream);
            if (stream is FileStream file)
                DiskFlush.Flush(file);
            else
                stream.Flush();
            return stream;
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Reports an error of the file system as one line about <paramref name="path"/>; other failures pass.
    /// </summary>
    internal static void ThrowIfRefused(Exception failure, string path, string temporary)
    {
        if (FileFailure.Is(failure))
            throw FileFailure.Writing(path, failure, temporary);
    }

    // What processes of this user have left that were killed while they wrote the file. A file that is being written
    // has a lock.
    private static void DeleteLeftovers(string path) => DeleteLeftover(() =>
    {
        foreach (string leftover in TemporaryName.UnfinishedOf(path).Where(IsOwn))
        {
            DeleteLeftover(() =>
            {
                using (new FileStream(leftover, FileMode.Open, FileAccess.ReadWrite, FileShare.None))
                    File.Delete(leftover);
            });
        }
    });

    private static bool IsOwn(string path) => !OperatingSystem.IsLinux() || (FileKind.StatusOf(path) is { IsFile: true } status && status.Owner == FileKind.ThisUser);

    /// <summary>Deletes leftovers of a failure. A failure to delete must not hide the first failure.</summary>
    public static void DeleteLeftover(Action delete)
    {
        try
        {
            delete();
        }
        catch (Exception failure) when (FileFailure.Is(failure))
        {
            // The first failure is reported.
        }
    }
}
