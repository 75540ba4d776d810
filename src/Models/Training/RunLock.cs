using System.Globalization;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Training;

/// <summary>
/// Keeps a second process out of a run's folder for as long as it is held. The system gives the lock up with the process, however that
/// ends; the lock's files may stay.
/// </summary>
internal sealed class RunLock : IDisposable
{
    private const string Lock = ".lock", Owner = ".lock-owner";

    private readonly FileStream _file;
    private readonly string _owner;

    private RunLock(FileStream file, string owner) => (_file, _owner) = (file, owner);

    /// <summary>Whether a path is one of its files.</summary>
    public static bool IsItsFile(string path) => Path.GetFileName(path) is Lock or Owner;

    /// <summary>Takes the lock of a folder.</summary>
    /// <exception cref="DataException">Another process, or another run of this one, has it.</exception>
    /// <exception cref="IOException">The file system refused.</exception>
    public static RunLock Take(string folder)
    {
        // A locked file cannot be read, so the owner's number stands in another one.
        string owner = Path.Combine(folder, Owner);
        var file = FileLock.TryTake(Path.Combine(folder, Lock)) ?? throw new DataException($"{folder} is in use by {Name(owner)}");
        try
        {
            File.WriteAllText(owner, Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
        }
        catch
        {
            file.Dispose();
            throw;
        }
        return new RunLock(file, owner);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        try
        {
            File.Delete(_owner);
        }
        catch (Exception e) when (FileFailure.Is(e))
        {
            // A file that stays says nothing once the lock is given up.
        }
        _file.Dispose();
    }

    private static string Name(string owner)
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
