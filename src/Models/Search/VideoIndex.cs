using System.Security.Cryptography;
using System.Text;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Progress;
using VideoSim.Models.Submissions;

namespace VideoSim.Models.Search;

/// <summary>A part of rows, and the graph that finds them; without a graph they are compared.</summary>
/// <param name="First">The first row.</param>
/// <param name="Count">Number of rows.</param>
/// <param name="Graph">The graph, whose first row is this one.</param>
internal readonly record struct RowRange(int First, int Count, INeighborGraph? Graph);

/// <summary>
/// One or several indexes as one: the rows of all of them, in order. A search of exact indexes gives what it would
/// give with one index of all rows.
/// </summary>
public sealed class VideoIndex : EmbeddingSource
{
    private readonly IReadOnlyList<IndexFolder> _folders;
    private readonly int[] _ends; // the row behind the last one of each folder

    private VideoIndex(IReadOnlyList<IndexFolder> folders, IReadOnlyList<string> ids)
        : base(string.Join(", ", folders.Select(static folder => folder.FolderPath)), folders[0].Manifest.Width, ids, folders[0].Manifest.Origin)
    {
        _folders = folders;
        int end = 0;
        _ends = [.. folders.Select(folder => end += folder.Ids.Count)];
    }

    /// <summary>Whether videos have titles.</summary>
    public bool HasTitles => _folders.Any(static folder => folder.HasTitles);

    /// <summary>The indexes, in order.</summary>
    internal IEnumerable<(string Path, RowRange Rows)> Parts =>
        _folders.Zip(_ends, static (folder, end) => (folder.FolderPath, new RowRange(end - folder.Ids.Count, folder.Ids.Count, folder.Graph)));

    /// <summary>An index that is open. It is disposed with this object.</summary>
    public static VideoIndex Of(IndexFolder folder) => new([folder], folder.Ids);

    /// <summary>Opens indexes of the same model.</summary>
    /// <param name="paths">Their folders.</param>
    /// <param name="graphs">As in <see cref="IndexFolder.Open"/>.</param>
    /// <param name="progress">Receives a warning if an index does not tell its model, but another does.</param>
    /// <exception cref="DataException">
    /// A folder is not an index or damaged, models or widths differ, or an id is in two of them.
    /// </exception>
    public static VideoIndex Open(IReadOnlyList<string> paths, Func<INeighborGraphLibrary>? graphs, IProgressSink progress)
    {
        var folders = new List<IndexFolder>();
        try
        {
            foreach (string path in paths)
                folders.Add(IndexFolder.Open(path, graphs));
            return new VideoIndex(folders, Join(folders, progress));
        }
        catch
        {
            folders.ForEach(static folder => folder.Dispose());
            throw;
        }
    }

    /// <inheritdoc/>
    public override void Read(int first, Span<double> rows)
    {
        for (int part = 0, begin = 0; part < _ends.Length && !rows.IsEmpty; begin = _ends[part++])
        {
            int here = Math.Min(_ends[part] - first, rows.Length / Width);
            if (here <= 0)
                continue;
            _folders[part].Read(first - begin, rows[..(here * Width)]);
            rows = rows[(here * Width)..];
            first += here;
        }
    }

    /// <summary>
    /// A hash of the contents: equal for indexes that give the same answers, in lower-case hexadecimal.
    /// </summary>
    public string Digest() => DigestOf(_folders.SelectMany(static folder => folder.Manifest.Files).Select(static file => $"{file.Name} {file.Sha256}"));

    /// <summary>A hash of several hashes, in lower-case hexadecimal.</summary>
    public static string DigestOf(IEnumerable<string> digests) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', digests))));

    /// <summary>The rows of the ids, for many searches by id.</summary>
    public IReadOnlyDictionary<string, int> RowsById() => Ids.Select(static (id, row) => (id, row)).ToDictionary(static pair => pair.id, static pair => pair.row);

    /// <summary>The title of a row; null if it is not known.</summary>
    /// <exception cref="DataException">The titles are damaged.</exception>
    public string? TitleOf(int row)
    {
        int part = 0;
        while (row >= _ends[part])
            part++;
        return _folders[part].TitleOf(row - (part == 0 ? 0 : _ends[part - 1]));
    }

    /// <summary>The titles of some ids, as far as the indexes have them.</summary>
    /// <exception cref="DataException">The titles are damaged.</exception>
    public IReadOnlyDictionary<string, string> TitlesOf(IEnumerable<string> ids)
    {
        var titles = new Dictionary<string, string>();
        HashSet<string> wanted = [.. ids];
        foreach (var folder in _folders)
            folder.AddTitles(wanted, titles);
        return titles;
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        foreach (var folder in _folders)
            folder.Dispose();
        base.Dispose();
    }

    // The ids of all folders.
    private static IReadOnlyList<string> Join(List<IndexFolder> folders, IProgressSink progress)
    {
        if (folders.Count == 1)
            return folders[0].Ids;
        var first = folders[0];
        var owners = new Dictionary<string, IndexFolder>(folders.Sum(static folder => folder.Ids.Count));
        string? warning = null;
        foreach (var folder in folders)
        {
            var (manifest, other) = (folder.Manifest, first.Manifest);
            if (manifest.Width != other.Width)
                throw new DataException($"{folder.FolderPath}: {manifest.Width} values per id, but {first.FolderPath} has {other.Width}");
            if (manifest.Origin is not null || other.Origin is not null)
                warning ??= EmbeddingOrigin.RequireSame(folder.FolderPath, manifest.Origin, first.FolderPath, other.Origin);
            foreach (string id in folder.Ids)
            {
                if (!owners.TryAdd(id, folder))
                    throw new DataException($"{folder.FolderPath}: id {Printable.Quote(id)} is in {owners[id].FolderPath}, too");
            }
        }
        if (warning is not null)
            progress.Warn(warning);
        return [.. folders.SelectMany(static folder => folder.Ids)];
    }
}
