using Microsoft.Win32.SafeHandles;
using VideoSim.Engine;
using VideoSim.Engine.Interop;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Import;

/// <summary>
/// The files of records, which grow in the folder of an import. A process that is killed leaves files that are longer
/// than the saved state says; they are cut.
/// </summary>
internal sealed class ImportFiles(ImportFolder folder)
{
    private const string Extension = ".tfrecords";

    private readonly Dictionary<string, GrowingFile> _files = new(StringComparer.Ordinal);

    /// <summary>Bytes written by this process.</summary>
    internal long Written { get; private set; }

    /// <summary>Path and size of each file.</summary>
    internal Dictionary<string, long> Lengths => _files.ToDictionary(static file => file.Key, static file => file.Value.Length);

    /// <summary>Path of a file that a state names.</summary>
    /// <exception cref="DataException">It is outside of the folder, a link, or a file of another kind.</exception>
    internal string PathOf(string name)
    {
        string path = Path.GetFullPath(name, folder.FolderPath);
        if (!path.StartsWith(folder.FolderPath + Path.DirectorySeparatorChar, StringComparison.Ordinal) || !path.EndsWith(Extension, StringComparison.Ordinal))
            throw new DataException($"{path}: is not a file of an import");
        return FileKind.StatusOf(path) is { IsLink: true } ? throw new DataException($"{path}: is a link") : path;
    }

    /// <summary>Opens the files of a state, cuts them to their sizes in it, and deletes all others.</summary>
    /// <exception cref="DataException">A file is missing or too short.</exception>
    internal void CutTo(Dictionary<string, long> lengths)
    {
        try
        {
            foreach (var (name, length) in lengths)
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
            throw FileFailure.Reading(folder.FolderPath, e);
        }
        // Files that appeared after the last save.
        foreach (string other in Directory.EnumerateFiles(folder.FolderPath, "*" + Extension, SearchOption.AllDirectories))
        {
            if (!_files.ContainsKey(Path.GetRelativePath(folder.FolderPath, other)))
                File.Delete(other);
        }
    }

    /// <summary>Appends to a file, which is created when it is new.</summary>
    internal void Append(string name, ReadOnlySpan<byte> bytes)
    {
        string path = Path.Combine(folder.FolderPath, name);
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
            throw FileFailure.Writing(Path.Combine(folder.Output, name), e, path);
        }
        Written += bytes.Length;
    }

    /// <summary>What flushes the present files, and their names. It may run while others are added.</summary>
    internal Action Flush()
    {
        SafeFileHandle[] handles = [.. _files.Values.Select(static file => file.Handle)];
        string[] folders = [.. _files.Keys.Select(name => Path.GetDirectoryName(Path.Combine(folder.FolderPath, name))!).Distinct()];
        return () =>
        {
            Array.ForEach(handles, DiskFlush.Flush);
            Array.ForEach(folders, FolderCalls.Flush);
        };
    }

    /// <summary>Closes all files. Then the folder has none, as if it were new.</summary>
    internal void Close()
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
