using System.Globalization;
using VideoSim.Engine;
using VideoSim.Engine.Interop;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Training;

/// <summary>
/// A lock that keeps a second process out of a run's folder. The system releases it when the process ends for any
/// reason. The files of the lock may stay.
/// </summary>
internal sealed class RunLock : IDisposable
{
    private const string Lock = ".lock", Owner = ".lock-owner";

    private readonly FileStream _file;
    private readonly string _owner;
    private readonly UnfinishedWork _unfinished;

    private RunLock(FileStream file, string owner) => (_file, _owner, _unfinished) = (file, owner, UnfinishedWork.Result(() => DeleteOwner(file, owner)));

    /// <summary>Whether a path is one of the lock's files.</summary>
    public static bool IsLockFile(string path) => Path.GetFileName(path) is Lock or Owner;

    /// <summary>Deletes the files of a lock that is not held.</summary>
    public static void Delete(string folder)
    {
        if (FileLock.TryTake(Path.Combine(folder, Lock)) is { } file)
            FileLock.ReleaseAndDelete(file);
    }

    /// <summary>
    /// Breaks the lock of a process that is stopped and has lost its work to this one. What it does with its lock
    /// after that changes no file.
    /// </summary>
    /// <exception cref="DataException">The lock cannot be deleted; the message names it.</exception>
    public static void Break(string folder)
    {
        string file = Path.Combine(folder, Lock);
        try
        {
            if (Directory.Exists(folder))
                File.Delete(file);
        }
        catch (Exception e) when (FileFailure.Is(e))
        {
            throw FileFailure.Writing(file, e, file);
        }
    }

    /// <summary>Takes the lock of a folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="shared">Whether other processes may share the lock.</param>
    /// <exception cref="DataException">Another process, or another run of this process, has the lock.</exception>
    /// <exception cref="IOException">The file system failed.</exception>
    public static RunLock Take(string folder, bool shared = false)
    {
        // A locked file cannot be read, so the process number of the owner is in another file.
        string owner = Path.Combine(folder, Owner);
        var file = FileLock.TryTake(Path.Combine(folder, Lock), shared) ?? throw new DataException($"{folder} is in use by {NameOfOwner(owner)}");
        try
        {
            // A new file: what has the name may be a link to another file.
            File.Delete(owner);
            if (shared)
                return new RunLock(file, owner);
            using var written = new StreamWriter(new FileStream(owner, FileMode.CreateNew));
            written.Write(Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
        }
        catch
        {
            file.Dispose();
            throw;
        }
        return new RunLock(file, owner);
    }

    /// <summary>
    /// Refuses if the folder is not the one any more that was locked: it was moved, deleted or replaced. What has its
    /// path now belongs to others.
    /// </summary>
    /// <exception cref="DataException">The lock's file in the folder is gone or another one.</exception>
    public void Require()
    {
        if (!IsInPlace(_file))
            throw new DataException($"{Path.GetDirectoryName(_file.Name)}: was moved, deleted or replaced while the run goes on; the run ends, and nothing more is written");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        try
        {
            DeleteOwner(_file, _owner);
        }
        catch (Exception e) when (FileFailure.Is(e))
        {
            // A file that stays has no meaning after the lock is released.
        }
        _file.Dispose();
        _unfinished.Dispose();
    }

    private static bool IsInPlace(FileStream file) => FileKind.IsSame(file.Name, file.SafeFileHandle);

    // Of a folder that is another one now, or after a break, it belongs to another process.
    private static void DeleteOwner(FileStream file, string owner)
    {
        if (IsInPlace(file))
            File.Delete(owner);
    }

    private static string NameOfOwner(string owner)
    {
        try
        {
            return int.TryParse(File.ReadAllText(owner), NumberStyles.None, CultureInfo.InvariantCulture, out int process) ? $"process {process}" : "another process";
        }
        catch (Exception e) when (FileFailure.Is(e))
        {
            return "another process";
        }
    }
}
