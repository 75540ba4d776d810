using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Win32.SafeHandles;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Import;

/// <summary>
/// The state of an unfinished import. All rows before <see cref="Row"/> are in the files, which may be longer than
/// noted.
/// </summary>
/// <param name="Key">Digest of options and inputs.</param>
/// <param name="Times">Digest of the times at which the files of frames were changed.</param>
/// <param name="Row">Number of the next row, from 0.</param>
/// <param name="Files">Path and size of each file.</param>
/// <param name="BadRows">Bad rows before the next row that were found by reading frames.</param>
internal sealed record ImportState(string Key, string Times, int Row, Dictionary<string, long> Files, List<BadFrames> BadRows);

/// <summary>A row with bad frames.</summary>
internal sealed record BadFrames(int Row, long Line, string Id, string Reason);

/// <summary>What import.json says about the data beside it.</summary>
internal sealed record ImportRecord(string Key, ImportResult Result);

/// <summary>JSON of these.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true)]
[JsonSerializable(typeof(ImportState))]
[JsonSerializable(typeof(ImportRecord))]
internal sealed partial class ImportJson : JsonSerializerContext;

/// <summary>
/// The folder that an import works in, beside its result, and the files that grow in it. Saved states make the import
/// resumable: files are cut to the sizes of the last one. When everything is written, the folder gets its final name.
/// </summary>
internal sealed class ImportWork : IDisposable
{
    private const string Prefix = ".import-", Lock = ".lock", State = ".state.json", Record = "import.json";

    private readonly string _output, _folder, _key, _times;
    private readonly FileStream _lock;
    private readonly Dictionary<string, GrowingFile> _files = new(StringComparer.Ordinal);
    private Task? _saving;

    private ImportWork(string output, string folder, string key, string times, FileStream owner) =>
        (_output, _folder, _key, _times, _lock) = (output, folder, key, times, owner);

    /// <summary>The saved state to continue from, or null.</summary>
    internal ImportState? Saved { get; private set; }

    /// <summary>Bytes written by this process.</summary>
    internal long Written { get; private set; }

    /// <summary>Throws unless the folder of the result is new, is empty, or has the result of an import.</summary>
    /// <exception cref="DataException">The folder has other files.</exception>
    internal static void RequireFree(string output)
    {
        if (File.Exists(output))
            throw new DataException($"--output-dir {output}: is a file");
        if (Directory.Exists(output) && Directory.EnumerateFileSystemEntries(output).Any() && !File.Exists(Path.Combine(output, Record)))
            throw new DataException($"--output-dir {output}: the folder is not empty");
    }

    /// <summary>The result in a folder, if it is that of these options and inputs; null if there is none.</summary>
    /// <exception cref="DataException">The folder has the result of other options or inputs.</exception>
    internal static ImportResult? FindFinished(string output, string key)
    {
        string file = Path.Combine(output, Record);
        if (!File.Exists(file))
            return null;
        var found = JsonFile.Read(file, ImportJson.Default.ImportRecord);
        return found.Key == key ? found.Result : throw new DataException($"--output-dir {output}: the folder has the import of other videos or options");
    }

    /// <summary>Begins or continues the work on a result.</summary>
    /// <exception cref="DataException">The folder cannot be written, or another process works in it.</exception>
    internal static ImportWork Open(string output, string key, string times)
    {
        // A link stays a link: the folder that it names is filled.
        string target = Directory.Exists(output) ? Directory.ResolveLinkTarget(output, returnFinalTarget: true)?.FullName ?? output : output;
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(target));
        string folder = Path.Combine(Path.GetDirectoryName(full) ?? throw new DataException($"--output-dir {output}: is the root of a disk"), Prefix + Path.GetFileName(full));
        try
        {
            Directory.CreateDirectory(folder);
            var owner = FileLock.TryTake(folder + Lock) ?? throw new DataException($"--output-dir {output}: another process imports into it");
            var work = new ImportWork(full, folder, key, times, owner);
            try
            {
                work.Load();
                return work;
            }
            catch
            {
                work.Dispose();
                throw;
            }
        }
        catch (Exception e) when (FileFailure.Is(e))
        {
            throw FileFailure.Writing(output, e, folder);
        }
    }

    /// <summary>Appends to a file, which is created when it is new.</summary>
    internal void Append(string name, ReadOnlySpan<byte> bytes)
    {
        if (!_files.TryGetValue(name, out var file))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(_folder, name))!);
            _files.Add(name, file = new GrowingFile(File.OpenHandle(Path.Combine(_folder, name), FileMode.OpenOrCreate, FileAccess.ReadWrite), 0));
        }
        try
        {
            RandomAccess.Write(file.Handle, bytes, file.Length);
        }
        catch (Exception e) when (FileFailure.Is(e))
        {
            throw FileFailure.Writing(Path.Combine(_output, name), e, Path.Combine(_folder, name));
        }
        file.Length += bytes.Length;
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
        var state = new ImportState(_key, _times, row, _files.ToDictionary(static file => file.Key, static file => file.Value.Length), [.. bad]);
        SafeFileHandle[] handles = [.. _files.Values.Select(static file => file.Handle)];
        _saving = Task.Run(() =>
        {
            foreach (var handle in handles)
                RandomAccess.FlushToDisk(handle);
            AtomicFile.Write(Path.Combine(_folder, State), stream => JsonSerializer.Serialize(stream, state, ImportJson.Default.ImportState));
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
    internal void Write(string name, byte[] content) => AtomicFile.Write(Path.Combine(_folder, name), stream => stream.Write(content));

    /// <summary>Gives the folder its final name. All files are written.</summary>
    internal void Finish(ImportResult result)
    {
        Wait();
        foreach (var file in _files.Values)
            RandomAccess.FlushToDisk(file.Handle);
        CloseFiles();
        // From here on a continued import finds the record and has only the rest of this to do.
        AtomicFile.Write(Path.Combine(_folder, Record), stream => JsonSerializer.Serialize(stream, new ImportRecord(_key, result), ImportJson.Default.ImportRecord));
        MoveToOutput();
    }

    /// <summary>Deletes the folder and everything in it.</summary>
    internal void Discard()
    {
        Wait();
        CloseFiles();
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>Releases the folder. Without a saved state nothing of it is of use, and it is deleted.</summary>
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
        if (Directory.Exists(_folder) && !File.Exists(Path.Combine(_folder, State)) && !File.Exists(Path.Combine(_folder, Record)))
            Directory.Delete(_folder, recursive: true);
        File.Delete(_folder + Lock);
        _lock.Dispose();
    }

    /// <summary>The result of a work that was complete except for its name; otherwise null.</summary>
    internal ImportResult? FinishEarlier()
    {
        if (FindFinished(_folder, _key) is not { } result)
            return null;
        MoveToOutput();
        return result;
    }

    private void Load()
    {
        string file = Path.Combine(_folder, State);
        if (File.Exists(file))
            Saved = JsonFile.Read(file, ImportJson.Default.ImportState);
        if (Saved is not null && (Saved.Key != _key || Saved.Times != _times))
            Saved = null;
        if (Saved is null && !File.Exists(Path.Combine(_folder, Record)))
        {
            Directory.Delete(_folder, recursive: true);
            Directory.CreateDirectory(_folder);
        }
        foreach (var (name, length) in Saved?.Files ?? [])
        {
            var handle = File.OpenHandle(Path.Combine(_folder, name), FileMode.Open, FileAccess.ReadWrite);
            RandomAccess.SetLength(handle, length);
            _files.Add(name, new GrowingFile(handle, length));
        }
        // A file that appeared after the last save.
        foreach (string other in Directory.EnumerateFiles(_folder, "*.tfrecords", SearchOption.AllDirectories))
        {
            if (Saved is not null && !_files.ContainsKey(Path.GetRelativePath(_folder, other)))
                File.Delete(other);
        }
    }

    private void MoveToOutput()
    {
        File.Delete(Path.Combine(_folder, State));
        if (Directory.Exists(_output))
            Directory.Delete(_output);
        Directory.Move(_folder, _output);
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
