namespace VideoSim.Fuzz;

/// <summary>A folder for the files that are read, deleted at the end.</summary>
internal sealed class WorkFolder : IDisposable
{
    // A file system in memory, on Linux. A disk's file system waits when a file is replaced.
    private const string InMemory = "/dev/shm";

    /// <summary>Makes a folder.</summary>
    public WorkFolder()
    {
        string parent = Directory.Exists(InMemory) ? InMemory : System.IO.Path.GetTempPath();
        Path = System.IO.Path.Combine(parent, $"videosim-fuzz-{Guid.NewGuid():N}"[..24]);
        Directory.CreateDirectory(Path);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Dispose(); // also after Ctrl-C
    }

    /// <summary>Its path.</summary>
    public string Path { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Directory.Exists(Path))
            Directory.Delete(Path, recursive: true);
    }
}
