using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Datasets;
using VideoSim.Models.Progress;
using VideoSim.Models.Records;

namespace VideoSim.Models.Import;

/// <summary>The shards of an import while they are joined. No other process works on them meanwhile.</summary>
internal sealed class ImportShards : IDisposable
{
    private const int Megabyte = 1_000_000;

    private readonly string _output;
    private readonly List<(Shard Shard, ImportWork Work)> _all = [];

    private ImportShards(string output) => _output = output;

    /// <summary>Takes the shards of a result.</summary>
    /// <param name="output">The folder of the result.</param>
    /// <param name="isFinished">Whether the result has its place already. Then shards may be missing.</param>
    /// <exception cref="DataException">A shard is missing, or another process works on it.</exception>
    internal static ImportShards Open(string output, bool isFinished)
    {
        string path = ImportFolder.PathOfShards(output);
        var found = Shard.Find(path, static folder => FolderListing.Folders(folder));
        if (!isFinished)
            Shard.RequireAll($"--output-dir {output}", path, found);
        var shards = new ImportShards(output);
        try
        {
            foreach (var shard in found)
                shards._all.Add((shard, ImportWork.Open(output, shard, isFinished)));
            return shards;
        }
        catch
        {
            shards.Dispose();
            throw;
        }
    }

    /// <summary>Refuses to join shards that are not complete.</summary>
    /// <param name="key">Digest of options and inputs.</param>
    /// <param name="rows">Number of all rows.</param>
    /// <exception cref="DataException">A shard is not finished, damaged, or of another import.</exception>
    internal void RequireComplete(ImportKey key, int rows)
    {
        Shard[] unfinished = [.. _all.Where(one => !one.Work.IsComplete(key, one.Shard.RowsOf(rows).To)).Select(static one => one.Shard)];
        if (unfinished.Length > 0)
            throw new DataException($"--output-dir {_output}: {Shard.Shown(unfinished, "not finished")}");
    }

    /// <summary>Appends the records of complete shards, in the order of the rows.</summary>
    /// <param name="work">Receives them.</param>
    /// <param name="rows">Number of all rows.</param>
    /// <param name="mostBadRows">Number of bad rows that are listed.</param>
    /// <param name="progress">Receives the progress.</param>
    /// <param name="cancellation">Stops the work.</param>
    /// <exception cref="DataException">A record is damaged.</exception>
    internal void JoinInto(ImportWork work, int rows, int mostBadRows, IProgressSink progress, CancellationToken cancellation) =>
        work.Fill(rows, _all.SelectMany(static one => one.Work.Saved!.BadRows).Select((bad, i) => i < mostBadRows ? bad : bad.Unlisted), () =>
        {
            long done = 0;
            progress.Begin("joining shards, MB", (long)(_all.Sum(static one => one.Work.Saved!.Files.Values.Sum(static bytes => (double)bytes)) / Megabyte));
            foreach (var (shard, part) in _all)
            {
                foreach (var (name, bytes) in part.Saved!.Files)
                {
                    using var records = new TfRecordScanner(part.PathOf(name));
                    while (records.MoveNext())
                    {
                        cancellation.ThrowIfCancellationRequested();
                        if (records.Problem is { } problem)
                            throw Damaged(problem.ToString(), shard);
                        work.Append(name, records.Bytes);
                        progress.Report((done += records.RecordBytes) / Megabyte, "");
                    }
                    if (records.FileBytes != bytes)
                        throw Damaged($"{records.Path}: has {records.FileBytes} bytes, but was written with {bytes}", shard);
                }
            }
            progress.End("");
        });

    /// <summary>Deletes the shards of a result that is in its place.</summary>
    /// <param name="key">Digest of options and inputs. Other shards stay.</param>
    internal void Discard(ImportKey key) => _all.ForEach(one => one.Work.Discard(key));

    /// <inheritdoc/>
    public void Dispose() => _all.ForEach(static one => one.Work.Dispose());

    private DataException Damaged(string problem, Shard shard) => new($"{problem}; delete {shard.PathFor(ImportFolder.PathOfShards(_output))}, and import shard {shard} again");
}
