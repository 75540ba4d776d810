using System.Text.Json;
using Microsoft.Win32.SafeHandles;
using VideoSim.Engine;
using VideoSim.Engine.Interop;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Datasets;

namespace VideoSim.Models.Import;

/// <summary>
/// The folder that an import works in, beside its result, and the files that grow in it. Saved states make the import
/// resumable: files are cut to the sizes of the last one. When everything is written, the folder gets its final name.
/// The file of the state is also the mark of the folder: it is the first that is written and the last that is deleted.
/// A folder without it is not deleted.
/// </summary>
internal sealed class ImportWork : IDisposable
{
    private const string Prefix = ".import-", Lock = ".lock", State = ".videosim-import.json", Record = "import.json", Records = ".tfrecords";

    private readonly string _output, _folder;
    private readonly Shard? _shard;
    private readonly FileStream _lock;
    private readonly Dictionary<string, GrowingFile> _files = new(StringComparer.Ordinal);
    private string _key = "";
    private bool _isOfUse;
    private Task? _saving;
    private readonly UnfinishedWork _unfinished;

    private ImportWork(string output, string folder, Shard? shard, FileStream owner)
    {
        (_output, _folder, _shard, _lock) = (output, folder, shard, owner);
        _unfinished = UnfinishedWork.Result(DeleteUseless);
    }

    /// <summary>The saved state to continue from, or null.</summary>
    internal ImportState? Saved { get; private set; }

    /// <summary>Bytes written by this process.</summary>
    internal long Written { get; private set; }

    /// <summary>Whether a folder has the result of an import.</summary>
    internal static bool IsFinished(string output) => File.Exists(Path.Combine(output, Record));

    /// <summary>The result in a folder, which is that of these options and inputs.</summary>
    /// <exception cref="DataException">The folder has the result of other options or inputs.</exception>
    internal static ImportResult ReadFinished(string output, string key)
    {
        var found = JsonFile.Read(Path.Combine(output, Record), ImportJson.Default.ImportRecord);
        // A process that was killed at its very end has left these.
        AtomicFile.DeleteLeftover(() => DeleteLock(FolderFor(Target(output)) + Lock));
        if (found.Key == key)
            AtomicFile.DeleteLeftover(() => File.Delete(Path.Combine(output, State)));
        return found.Key == key ? found.Result : throw new DataException($"--output-dir {output}: the folder has the import of other videos or options");
    }

    private static void DeleteLock(string path)
    {
        if (File.Exists(path) && FileLock.TryTake(path) is { } owner)
            FileLock.ReleaseAndDelete(owner);
    }

    // The folder to work in; null beside the root of a disk.
    private static string? FolderFor(string full, Shard? shard = null) => Path.GetDirectoryName(full) is not { } parent ? null
        : shard is { } part ? part.PathFor(PathOfShards(full)) : Path.Combine(parent, Prefix + Path.GetFileName(full));

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
    internal static ImportWork Open(string output, Shard? shard = null, bool isFinished = false)
    {
        string folder = "", touched = output;
        FileStream? owner = null;
        try
        {
            string full = Target(output);
            if (!isFinished)
                RequireFree(output, full);
            folder = FolderFor(full, shard) ?? throw new DataException($"--output-dir {output}: is the root of a disk");
            if (Directory.Exists(folder) && !File.Exists(Path.Combine(folder, State)) && Directory.EnumerateFileSystemEntries(folder).Any(static entry => TemporaryName.FinalNameOfUnfinished(entry) != State || !File.Exists(entry)))
                throw new DataException($"--output-dir {output}: the import would work in {folder}, but this folder has other files");
            // Its files are opened by their names, which may be links in a folder that another user has made.
            if (FileKind.StatusOf(folder) is { } status && (status.IsLink || status.Owner != FileKind.ThisUser))
                throw new DataException($"--output-dir {output}: the import would work in {folder}, which {(status.IsLink ? "is a link" : "belongs to another user")}");
            DurableFolder.Make(touched = Path.GetDirectoryName(folder)!);
            owner = FileLock.TryTake(touched = folder + Lock) ?? throw new DataException($"--output-dir {output}: another process imports {(shard is { } part ? $"shard {part} " : "")}into it");
            var work = new ImportWork(full, folder, shard, owner) { _isOfUse = File.Exists(Path.Combine(folder, State)) };
            if (!work._isOfUse)
                work.BeginAnew();
            return work;
        }
        catch (Exception e)
        {
            if (owner is not null)
            {
                AtomicFile.DeleteLeftover(() => Directory.Delete(folder)); // only if it is empty
                FileLock.ReleaseAndDelete(owner);
            }
            if (FileFailure.Is(e))
                throw FileFailure.Writing(output, e, touched);
            throw;
        }
    }

    /// <summary>Continues at the saved state if it is one of this key; otherwise deletes what was written.</summary>
    /// <param name="key">Digest of options and inputs.</param>
    /// <param name="note">Receives the reason why an interrupted import is not continued.</param>
    /// <returns>The result of a work that was complete except for its name; otherwise null.</returns>
    internal ImportResult? Continue(string key, Action<string> note)
    {
        _key = KeyOfState(key);
        if (!_isOfUse)
            return null;
        try
        {
            if (IsFinished(_folder) && JsonFile.Read(Path.Combine(_folder, Record), ImportJson.Default.ImportRecord) is { } record && record.Key == key)
            {
                MoveToOutput();
                return record.Result;
            }
            var state = ReadState();
            if (state.Key == _key)
                Load(state);
            else if (state.Key.Length > 0)
                note("files or options have changed since the interruption: the import begins anew");
        }
        catch (DataException)
        {
            note("what the interrupted import left is damaged: the import begins anew");
        }
        if (Saved is null)
        {
            CloseFiles();
            BeginAnew();
        }
        return null;
    }

    /// <summary>Whether this is a shard whose rows are all written. Then <see cref="Saved"/> is its state.</summary>
    /// <param name="key">Digest of options and inputs.</param>
    /// <param name="row">Number of the row after its last one.</param>
    /// <exception cref="DataException">It is one of other options or inputs, or is damaged.</exception>
    internal bool IsComplete(string key, int row)
    {
        if (!_isOfUse || ReadState() is not { Key.Length: > 0 } state)
            return false;
        if (state.Key != KeyOfState(key))
            throw new DataException($"{_folder}: is a shard of other videos or options");
        Saved = state.Row == row ? state : null;
        return Saved is not null;
    }

    /// <summary>Writes all rows anew, unless an earlier process has done so.</summary>
    /// <param name="rows">Number of all rows.</param>
    /// <param name="bad">The rows with bad frames.</param>
    /// <param name="append">Appends the rows.</param>
    internal void Fill(int rows, IEnumerable<BadFrames> bad, Action append)
    {
        if (Saved?.Row == rows)
            return;
        CloseFiles();
        BeginAnew();
        append();
        TrySave(rows, bad);
        Wait();
        Saved = ReadState();
    }

    /// <summary>Appends to a file, which is created when it is new.</summary>
    internal void Append(string name, ReadOnlySpan<byte> bytes)
    {
        string path = Path.Combine(_folder, name);
        try
        {
            if (!_files.TryGetValue(name, out var file))
            {
                DurableFolder.Make(Path.GetDirectoryName(path)!);
                _files.Add(name, file = new GrowingFile(File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite), 0));
            }
            RandomAccess.Write(file.Handle, bytes, file.Length);
            file.Length += bytes.Length;
        }
        catch (Exception e) when (FileFailure.Is(e))
        {
            throw FileFailure.Writing(Path.Combine(_output, name), e, path);
        }
        Written += bytes.Length;
    }

    /// <summary>
    /// Saves the state in the background, unless an earlier save is still running. Only one thread calls this and
    /// <see cref="Append"/>.
    /// </summary>
    /// <returns>Whether a save began.</returns>
    internal bool TrySave(int row, IEnumerable<BadFrames> bad)
    {
        if (_saving is { IsCompleted: false })
            return false;
        Wait();
        var state = new ImportState(_key, row, _files.ToDictionary(static file => file.Key, static file => file.Value.Length), [.. bad]);
        var flush = Flush();
        _saving = Task.Run(() =>
        {
            flush();
            SaveState(state);
            _isOfUse = true;
        });
        return true;
    }

    /// <summary>Waits for the end of a save.</summary>
    internal void Wait()
    {
        var saving = _saving;
        _saving = null;
        saving?.GetAwaiter().GetResult();
    }

    /// <summary>Writes a small file whole, in the end.</summary>
    internal void Write(string name, byte[] content) => Write(name, stream => stream.Write(content));

    /// <summary>Gives the folder its final name. All files are written.</summary>
    internal void Finish(ImportResult result)
    {
        Wait();
        Flush()();
        CloseFiles();
        // From here on a continued import finds the record and has only the rest of this to do.
        _isOfUse = true;
        Write(Record, stream => JsonSerializer.Serialize(stream, new ImportRecord(_key, result), ImportJson.Default.ImportRecord));
        MoveToOutput();
    }

    // What flushes the files that there are now, and their names. It may run while others are added.
    private Action Flush()
    {
        SafeFileHandle[] handles = [.. _files.Values.Select(static file => file.Handle)];
        string[] folders = [.. _files.Keys.Select(name => Path.GetDirectoryName(Path.Combine(_folder, name))!).Distinct()];
        return () =>
        {
            Array.ForEach(handles, DiskFlush.Flush);
            Array.ForEach(folders, FolderCalls.Flush);
        };
    }

    /// <summary>Forgets what was written: the end deletes it.</summary>
    internal void Discard()
    {
        Wait();
        _isOfUse = false;
    }

    /// <summary>The same for the work of a key; another work stays.</summary>
    internal void Discard(string key)
    {
        try
        {
            if (_isOfUse && ReadState().Key == KeyOfState(key))
                Discard();
        }
        catch (DataException)
        {
            // It is not known to be of the key.
        }
    }

    /// <summary>Releases the folder. If no state was saved, nothing in it is of use, and it is deleted.</summary>
    public void Dispose()
    {
        try
        {
            Wait();
        }
        catch (Exception e) when (e is DataException || FileFailure.Is(e))
        {
            // An earlier failure ended the work, and is reported.
        }
        CloseFiles();
        DeleteUseless();
        _unfinished.Dispose();
    }

    private void DeleteUseless()
    {
        if (!_isOfUse && Directory.Exists(_folder))
            AtomicFile.DeleteLeftover(Delete);
        FileLock.ReleaseAndDelete(_lock);
    }

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

    private void Load(ImportState state)
    {
        try
        {
            foreach (var (name, length) in state.Files)
            {
                var handle = File.OpenHandle(PathOf(name), FileMode.Open, FileAccess.ReadWrite);
                _files.Add(name, new GrowingFile(handle, length));
                if (RandomAccess.GetLength(handle) < length)
                    throw new DataException($"{name}: is shorter than it was");
                RandomAccess.SetLength(handle, length);
            }
        }
        catch (Exception e) when (FileFailure.Is(e))
        {
            throw FileFailure.Reading(_folder, e);
        }
        // Files that appeared after the last save.
        foreach (string other in Directory.EnumerateFiles(_folder, "*" + Records, SearchOption.AllDirectories))
        {
            if (!_files.ContainsKey(Path.GetRelativePath(_folder, other)))
                File.Delete(other);
        }
        Saved = state;
    }

    /// <summary>Path of a file that a state names.</summary>
    /// <exception cref="DataException">It is outside of the folder, a link, or a file of another kind.</exception>
    internal string PathOf(string name)
    {
        string path = Path.GetFullPath(name, _folder);
        if (!path.StartsWith(_folder + Path.DirectorySeparatorChar, StringComparison.Ordinal) || !path.EndsWith(Records, StringComparison.Ordinal))
            throw new DataException($"{path}: is not a file of an import");
        return FileKind.StatusOf(path) is { IsLink: true } ? throw new DataException($"{path}: is a link") : path;
    }

    // A shard is not continued under the name of another one.
    private string KeyOfState(string key) => _shard is { } shard ? $"{key} {shard}" : key;

    private void SaveState(ImportState state) => Write(State, stream => JsonSeal.Write(stream, JsonSerializer.SerializeToNode(state, ImportJson.Default.ImportState)!.AsObject()));

    private ImportState ReadState()
    {
        string file = Path.Combine(_folder, State);
        byte[] content = JsonFile.ReadBytes(file);
        return JsonSeal.IsWhole(JsonFile.ParseObject(file, content)) ? JsonFile.Parse(file, content, ImportJson.Default.ImportState)
            : throw new DataException($"{file}: has changed since it was written");
    }

    private void Write(string name, Action<Stream> write)
    {
        try
        {
            AtomicFile.Write(Path.Combine(_folder, name), write);
        }
        catch (DataException e)
        {
            // Users name the result, not the folder beside it.
            throw new DataException(e.Message.Replace(_folder, _output, StringComparison.Ordinal), e);
        }
    }

    // Marks the folder as one that may be deleted.
    private void BeginAnew()
    {
        _isOfUse = false;
        if (Directory.Exists(_folder))
            DeleteFiles();
        Directory.CreateDirectory(_folder);
        SaveState(new ImportState("", 0, [], []));
    }

    private void DeleteFiles()
    {
        foreach (string folder in Directory.GetDirectories(_folder))
            Directory.Delete(folder, recursive: true);
        foreach (string file in Directory.GetFiles(_folder).Where(static file => Path.GetFileName(file) != State))
            File.Delete(file);
    }

    private void Delete()
    {
        DeleteFiles();
        File.Delete(Path.Combine(_folder, State));
        Directory.Delete(_folder);
    }

    private void MoveToOutput()
    {
        try
        {
            if (Directory.Exists(_output))
                Directory.Delete(_output);
            Directory.Move(_folder, _output);
            DurableFolder.FlushParent(_output);
        }
        catch (Exception e) when (FileFailure.Is(e))
        {
            throw FileFailure.Writing(_output, e, _folder);
        }
        AtomicFile.DeleteLeftover(() => File.Delete(Path.Combine(_output, State)));
    }

    private void CloseFiles()
    {
        foreach (var file in _files.Values)
            file.Handle.Dispose();
        _files.Clear();
    }

    private sealed class GrowingFile(SafeFileHandle handle, long length)
    {
        internal SafeFileHandle Handle { get; } = handle;

        internal long Length { get; set; } = length;
    }
}
