using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Datasets;

namespace VideoSim.Models.Import;

/// <summary>
/// The work of an import, from its first state to its result. Saved states make it resumable: files are cut to the
/// sizes of the last one.
/// </summary>
internal sealed class ImportWork : IDisposable
{
    private readonly ImportFolder _folder;
    private readonly ImportFiles _files;
    private readonly Shard? _shard;
    private string _key = "";
    private Task? _saving;

    private ImportWork(ImportFolder folder, Shard? shard) => (_folder, _files, _shard) = (folder, new ImportFiles(folder), shard);

    /// <summary>The saved state to continue from, or null.</summary>
    internal ImportState? Saved { get; private set; }

    /// <summary>Bytes written by this process.</summary>
    internal long Written => _files.Written;

    /// <summary>Takes the folder to work in.</summary>
    /// <inheritdoc cref="ImportFolder.Open"/>
    internal static ImportWork Open(string output, Shard? shard = null, bool isFinished = false) => new(ImportFolder.Open(output, shard, isFinished), shard);

    /// <summary>Continues at the saved state if the import continues it; otherwise deletes what was written.</summary>
    /// <param name="key">Digest of options and inputs.</param>
    /// <param name="note">Receives the reason why an interrupted import is not continued.</param>
    /// <returns>The result of a work that was complete except for its name; otherwise null.</returns>
    internal ImportResult? Continue(ImportKey key, Action<string> note)
    {
        _key = key.OfState(_shard);
        if (!_folder.IsOfUse)
            return null;
        if (Load(key, note) is { } whole)
        {
            // Without --skip-bad-rows its key was another one.
            _folder.Finish(whole with { Key = _key });
            return whole.Result;
        }
        if (Saved is null)
            BeginAnew();
        return null;
    }

    /// <summary>Whether this is a shard whose rows are all written. Then <see cref="Saved"/> is its state.</summary>
    /// <param name="key">Digest of options and inputs.</param>
    /// <param name="row">Number of the row after its last one.</param>
    /// <exception cref="DataException">It is a shard of another import, or is damaged.</exception>
    internal bool IsComplete(ImportKey key, int row)
    {
        if (!_folder.IsOfUse || _folder.ReadState() is not { Key.Length: > 0 } state)
            return false;
        if (!key.Continues(state.Key, _shard))
            throw new DataException($"{_folder.FolderPath}: is a shard of another import; all shards need the same version of the program, options, table, pairs and vocabulary, and the same paths, sizes and times of change of the frames");
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
        BeginAnew();
        append();
        TrySave(rows, bad);
        Wait();
        Saved = _folder.ReadState();
    }

    /// <summary>Appends to a file of records.</summary>
    internal void Append(string name, ReadOnlySpan<byte> bytes) => _files.Append(name, bytes);

    /// <summary>Path of a file of records that a state names.</summary>
    /// <inheritdoc cref="ImportFiles.PathOf"/>
    internal string PathOf(string name) => _files.PathOf(name);

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
        var state = new ImportState(_key, row, _files.Lengths, [.. bad]);
        var flush = _files.Flush();
        _saving = Task.Run(() =>
        {
            flush();
            _folder.Save(state);
            _folder.IsOfUse = true;
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
    internal void Write(string name, byte[] content) => _folder.Write(name, stream => stream.Write(content));

    /// <summary>Gives the folder its final name. All files are written.</summary>
    internal void Finish(ImportResult result)
    {
        Wait();
        _files.Flush()();
        _files.Close();
        _folder.Finish(new ImportRecord(_key, result));
    }

    /// <summary>Forgets what was written: the end deletes it.</summary>
    internal void Discard()
    {
        Wait();
        _folder.IsOfUse = false;
    }

    /// <summary>The same for a work that the import continues; another work stays.</summary>
    internal void Discard(ImportKey key)
    {
        try
        {
            if (_folder.IsOfUse && key.Continues(_folder.ReadState().Key, _shard))
                Discard();
        }
        catch (DataException)
        {
            // It is not known to be of this import.
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
        _files.Close();
        _folder.Dispose();
    }

    // Returns the record of a work that was complete except for its name.
    private ImportRecord? Load(ImportKey key, Action<string> note)
    {
        try
        {
            if (_folder.FindRecord() is { } record && key.Continues(record.Key, _shard))
                return record;
            var state = _folder.ReadState();
            if (key.Continues(state.Key, _shard))
            {
                _files.CutTo(state.Files);
                Saved = state;
            }
            else if (state.Key.Length > 0)
            {
                note($"files{(_shard is null ? "" : ", the program")} or options have changed since the interruption: the import begins anew");
            }
        }
        catch (DataException)
        {
            note("what the interrupted import left is damaged: the import begins anew");
        }
        return null;
    }

    private void BeginAnew()
    {
        _files.Close();
        _folder.BeginAnew();
    }
}
