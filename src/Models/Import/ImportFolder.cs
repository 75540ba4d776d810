using System.Text.Json;
using VideoSim.Engine;
using VideoSim.Engine.Interop;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Datasets;

namespace VideoSim.Models.Import;

/// <summary>
/// The folder that an import works in, beside its result. One process has it at a time. When everything is written, it
/// gets its final name. The file of the state is also the mark of the folder: it is the first that is written and the
/// last that is deleted. A folder without it is not deleted.
/// </summary>
internal sealed class ImportFolder : IDisposable
{
    private const string Prefix = ".import-", Lock = ".lock", State = ".videosim-import.json", Record = "import.json";

    private readonly FileStream _lock;
    private readonly UnfinishedWork _unfinished;

    private ImportFolder(string output, string folder, FileStream owner)
    {
        (Output, FolderPath, _lock) = (output, folder, owner);
        IsOfUse = File.Exists(Path.Combine(folder, State));
        _unfinished = UnfinishedWork.Result(DeleteUseless);
    }

    /// <summary>Path of the folder.</summary>
    internal string FolderPath { get; }

    /// <summary>Path of the result.</summary>
    internal string Output { get; }

    /// <summary>Whether an import can continue from what is in the folder. Otherwise the end deletes it.</summary>
    internal bool IsOfUse { get; set; }

    /// <summary>Whether a folder has the result of an import.</summary>
    internal static bool IsFinished(string output) => File.Exists(Path.Combine(output, Record));

    /// <summary>The result in a folder, which is that of these options and inputs.</summary>
    /// <exception cref="DataException">The folder has the result of other options or inputs.</exception>
    internal static ImportResult ReadFinished(string output, string key)
    {
        var found = ReadRecord(output);
        // A process that was killed at its very end has left these.
        AtomicFile.DeleteLeftover(() => DeleteLock(FolderFor(Target(output)) + Lock));
        if (found.Key == key)
            AtomicFile.DeleteLeftover(() => File.Delete(Path.Combine(output, State)));
        return found.Key == key ? found.Result : throw new DataException($"--output-dir {output}: the folder has the import of other videos or options");
    }

    /// <summary>The path that the folders of shards have in their names.</summary>
    /// <param name="output">The folder of the result.</param>
    internal static string PathOfShards(string output) => Path.Combine(Path.GetDirectoryName(Target(output)) ?? "", "." + Path.GetFileName(Target(output)));

    /// <summary>Takes the folder to work in, beside the folder of the result.</summary>
    /// <param name="output">The folder of the result.</param>
    /// <param name="shard">The shard that is imported; null for all rows.</param>
    /// <param name="isFinished">Whether the result has its place already.</param>
    /// <exception cref="DataException">
    /// The result could not get its place there, the folder cannot be written, or another process works in it.
    /// </exception>
    internal static ImportFolder Open(string output, Shard? shard, bool isFinished)
    {
        string touched = output;
        ImportFolder? folder = null;
        try
        {
            string full = Target(output);
            if (!isFinished)
                RequireFree(output, full);
            string path = FolderFor(full, shard) ?? throw new DataException($"--output-dir {output}: is the root of a disk");
            if (Directory.Exists(path) && !File.Exists(Path.Combine(path, State)) && Directory.EnumerateFileSystemEntries(path).Any(static entry => TemporaryName.FinalNameOfUnfinished(entry) != State || !File.Exists(entry)))
                throw new DataException($"--output-dir {output}: the import would work in {path}, but this folder has other files");
            // Its files are opened by their names, which may be links in a folder that another user has made.
            if (FileKind.StatusOf(path) is { } status && (status.IsLink || status.Owner != FileKind.ThisUser))
                throw new DataException($"--output-dir {output}: the import would work in {path}, which {(status.IsLink ? "is a link" : "belongs to another user")}");
            DurableFolder.Make(touched = Path.GetDirectoryName(path)!);
            var owner = FileLock.TryTake(touched = path + Lock) ?? throw new DataException($"--output-dir {output}: another process imports {(shard is { } part ? $"shard {part} " : "")}into it");
            folder = new ImportFolder(full, path, owner);
            if (!folder.IsOfUse)
                folder.BeginAnew();
            return folder;
        }
        catch (Exception e)
        {
            folder?.Dispose();
            if (FileFailure.Is(e))
                throw FileFailure.Writing(output, e, touched);
            throw;
        }
    }

    /// <summary>Deletes what was written, and marks the folder as one that may be deleted.</summary>
    internal void BeginAnew()
    {
        IsOfUse = false;
        if (Directory.Exists(FolderPath))
            DeleteFiles();
        Directory.CreateDirectory(FolderPath);
        Save(new ImportState("", 0, [], []));
    }

    /// <summary>Saves a state in place of the one before it.</summary>
    internal void Save(ImportState state) => Write(State, stream => JsonSeal.Write(stream, JsonSerializer.SerializeToNode(state, ImportJson.Default.ImportState)!.AsObject()));

    /// <summary>The saved state. In a folder that was begun anew it has no key.</summary>
    /// <exception cref="DataException">It cannot be read, or is damaged.</exception>
    internal ImportState ReadState()
    {
        string file = Path.Combine(FolderPath, State);
        byte[] content = JsonFile.ReadBytes(file);
        return JsonSeal.IsWhole(JsonFile.ParseObject(file, content)) ? JsonFile.Parse(file, content, ImportJson.Default.ImportState)
            : throw new DataException($"{file}: has changed since it was written");
    }

    /// <summary>The record of a result that has all files, but not its name; null if it has no record.</summary>
    /// <exception cref="DataException">The record cannot be read.</exception>
    internal ImportRecord? FindRecord() => IsFinished(FolderPath) ? ReadRecord(FolderPath) : null;

    /// <summary>Writes a small file whole.</summary>
    internal void Write(string name, Action<Stream> write)
    {
        try
        {
            AtomicFile.Write(Path.Combine(FolderPath, name), write);
        }
        catch (DataException e)
        {
            // Users name the result, not the folder beside it.
            throw new DataException(e.Message.Replace(FolderPath, Output, StringComparison.Ordinal), e);
        }
    }

    /// <summary>Gives the folder its final name. All other files are written.</summary>
    internal void Finish(ImportRecord record)
    {
        // From here on a continued import finds the record and has only the rest of this to do.
        IsOfUse = true;
        Write(Record, stream => JsonSerializer.Serialize(stream, record, ImportJson.Default.ImportRecord));
        MoveToOutput();
    }

    /// <summary>Releases the folder. If nothing in it is of use, it is deleted.</summary>
    public void Dispose()
    {
        DeleteUseless();
        _unfinished.Dispose();
    }

    private static ImportRecord ReadRecord(string folder) => JsonFile.Read(Path.Combine(folder, Record), ImportJson.Default.ImportRecord);

    private static void DeleteLock(string path)
    {
        if (File.Exists(path) && FileLock.TryTake(path) is { } owner)
            FileLock.ReleaseAndDelete(owner);
    }

    // The folder to work in; null beside the root of a disk.
    private static string? FolderFor(string full, Shard? shard = null) => Path.GetDirectoryName(full) is not { } parent ? null
        : shard is { } part ? part.PathFor(PathOfShards(full)) : Path.Combine(parent, Prefix + Path.GetFileName(full));

    private static void RequireFree(string output, string full)
    {
        if (File.Exists(full))
            throw new DataException($"--output-dir {output}: is a file");
        if (!Directory.Exists(full))
            return;
        // The empty folder is replaced in the end, which the system does not allow for these.
        if (DriveInfo.GetDrives().Any(drive => Path.TrimEndingDirectorySeparator(drive.RootDirectory.FullName) == full))
            throw new DataException($"--output-dir {output}: is the root of a disk; name a folder in it");
        if (Directory.EnumerateFileSystemEntries(full).Any())
            throw new DataException($"--output-dir {output}: the folder is not empty");
    }

    // A link stays a link: the folder that it names is filled.
    private static string Target(string output)
    {
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(output));
        return new DirectoryInfo(full).LinkTarget is null ? full
            : Path.TrimEndingDirectorySeparator(Directory.ResolveLinkTarget(full, returnFinalTarget: true)!.FullName);
    }

    private void MoveToOutput()
    {
        try
        {
            if (Directory.Exists(Output))
                Directory.Delete(Output);
            Directory.Move(FolderPath, Output);
            DurableFolder.FlushParent(Output);
        }
        catch (Exception e) when (FileFailure.Is(e))
        {
            throw FileFailure.Writing(Output, e, FolderPath);
        }
        AtomicFile.DeleteLeftover(() => File.Delete(Path.Combine(Output, State)));
    }

    private void DeleteUseless()
    {
        if (!IsOfUse && Directory.Exists(FolderPath))
            AtomicFile.DeleteLeftover(Delete);
        FileLock.ReleaseAndDelete(_lock);
    }

    private void Delete()
    {
        DeleteFiles();
        File.Delete(Path.Combine(FolderPath, State));
        Directory.Delete(FolderPath);
    }

    private void DeleteFiles()
    {
        foreach (string folder in Directory.GetDirectories(FolderPath))
            Directory.Delete(folder, recursive: true);
        foreach (string file in Directory.GetFiles(FolderPath).Where(static file => Path.GetFileName(file) != State))
            File.Delete(file);
    }
}
