using System.Security.Cryptography;
using System.Text;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Datasets;
using VideoSim.Models.Progress;
using VideoSim.Models.Submissions;

namespace VideoSim.Models.Import;

/// <summary>
/// The first reading of a table. It checks every row and the header of its frames, and keeps per row only the id, the
/// line, the width and the size of the frames, and the part.
/// </summary>
internal sealed class TableSurvey
{
    private const int RowsOfAPiece = 64;

    private readonly IVideoTable _table;
    private readonly RowRules _rules;
    private readonly Dictionary<string, int> _ids = new(StringComparer.Ordinal);
    private readonly List<long> _lines = [];
    private readonly List<int> _widths = [];
    private readonly List<long> _bytes = [];
    private readonly List<Split?> _splits = [];

    private TableSurvey(IVideoTable table, RowRules rules, int mostBadRows) => (_table, _rules, BadRows) = (table, rules, new BadRowList(mostBadRows));

    /// <summary>Number of rows, bad ones included.</summary>
    internal int Count => _lines.Count;

    /// <summary>The parts of the rows; bad rows have <see cref="Split.None"/>, rows that name no part null.</summary>
    internal IReadOnlyList<Split?> Splits => _splits;

    /// <summary>Whether a row names its part.</summary>
    internal bool HasSplits { get; private set; }

    /// <summary>Values of a frame: the width that most rows have.</summary>
    internal int FrameWidth { get; private set; }

    /// <summary>The tags of good rows.</summary>
    internal TagTable Tags { get; } = new();

    /// <summary>The bad rows.</summary>
    internal BadRowList BadRows { get; }

    /// <summary>Digest of the paths and sizes of all frames, and of the times at which they were changed.</summary>
    internal string FramesDigest { get; private set; } = "";

    /// <summary>Reads a table.</summary>
    /// <exception cref="DataException">The table cannot be read.</exception>
    internal static TableSurvey Of(IVideoTable table, RowRules rules, ImportOptions options, IProgressSink progress, CancellationToken cancellation)
    {
        var survey = new TableSurvey(table, rules, options.MostBadRows);
        survey.Read(options.Threads, progress, cancellation);
        survey.RequireOneWidth();
        return survey;
    }

    /// <summary>The row of an id. It may be bad.</summary>
    internal bool TryFind(ReadOnlySpan<byte> id, out int row) => _ids.TryGetValue(Encoding.UTF8.GetString(id), out row);

    /// <summary>The ids of all rows; null for a row without a valid id, and for one that repeats an id.</summary>
    internal string[] Ids
    {
        get
        {
            string[] ids = new string[Count];
            foreach (var (id, row) in _ids)
                ids[row] = id;
            return ids;
        }
    }

    /// <summary>Size of a row's file of frames; 0 for a bad row.</summary>
    internal long FrameBytesOf(int row) => _bytes[row];

    /// <summary>Size of the files of frames of the rows [from, to).</summary>
    internal long FrameBytesOf(int from, int to) => _bytes[from..to].Sum();

    /// <summary>Whether a row is good so far.</summary>
    internal bool IsGood(int row) => _splits[row] != Split.None;

    private void Read(int threads, IProgressSink progress, CancellationToken cancellation)
    {
        progress.Begin("checking videos", 0);
        using var frames = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using var rows = _table.Read().GetEnumerator();
        new OrderedWork<List<Found>>(Take, Look, Give).Run(threads, () => new List<Found>(RowsOfAPiece));
        FramesDigest = Convert.ToHexStringLower(frames.GetHashAndReset());
        progress.Report(Count, "");
        progress.End("");

        bool Take(List<Found> piece)
        {
            cancellation.ThrowIfCancellationRequested();
            piece.Clear();
            while (piece.Count < RowsOfAPiece && rows.MoveNext())
                piece.Add(new Found(rows.Current, 0, 0, default, null));
            return piece.Count > 0;
        }

        void Look(List<Found> piece)
        {
            for (int i = 0; i < piece.Count; i++)
                piece[i] = LookAt(piece[i].Row);
        }

        void Give(List<Found> piece)
        {
            foreach (var found in piece)
            {
                Add(found);
                frames.AppendData(Encoding.UTF8.GetBytes($"{RowRules.FramesOf(found.Row)}\n{found.Bytes}\n{found.ChangedAt.Ticks}\n"));
            }
            progress.Report(Count, "");
        }
    }

    private Found LookAt(TableRow row)
    {
        string? problem = RowRules.Problem(row);
        if (problem is not null || _rules.FindFrames(row, out problem) is not { } path)
            return new Found(row, 0, 0, default, problem);
        if (!FrameFile.TryOpen(path, out var file, out string? reason))
            return new Found(row, 0, 0, default, $"{Printable.OneLine(RowRules.FramesOf(row))}: {reason}");
        using (file)
            return new Found(row, file.Width, file.FileBytes, file.ChangedAt, null);
    }

    private void Add(Found found)
    {
        var row = found.Row;
        string? problem = found.Problem;
        if (VideoId.Problem(Encoding.UTF8.GetBytes(row.Id)) is null && !_ids.TryAdd(row.Id, Count))
            problem ??= $"the id is already on {_table.RowName} {_lines[_ids[row.Id]]}";
        if (problem is null)
        {
            _splits.Add(RowRules.SplitOf(row));
            HasSplits |= row.Split is not null;
            Tags.Add(row.Tags);
        }
        else
        {
            _splits.Add(Split.None);
            BadRows.Add(new BadRow(_table.Path, _table.RowName, row.Line, row.Id, problem));
        }
        _lines.Add(row.Line);
        _widths.Add(found.Width);
        _bytes.Add(problem is null ? found.Bytes : 0);
    }

    // The first of the most frequent widths counts. The rows of all others are bad.
    private void RequireOneWidth()
    {
        var good = Enumerable.Range(0, Count).Where(IsGood);
        var widths = good.GroupBy(row => _widths[row]).OrderByDescending(static group => group.Count()).ThenBy(static group => group.First()).ToArray();
        if (widths.Length == 0)
            return;
        FrameWidth = widths[0].Key;
        string[] ids = widths.Length > 1 ? Ids : [];
        foreach (int row in widths.Skip(1).SelectMany(static group => group).ToArray())
        {
            _splits[row] = Split.None;
            BadRows.Add(new BadRow(_table.Path, _table.RowName, _lines[row], ids[row], $"its frames have {_widths[row]} values; those of {widths[0].Count()} other video{(widths[0].Count() == 1 ? "" : "s")} have {FrameWidth}"));
        }
    }

    private sealed record Found(TableRow Row, int Width, long Bytes, DateTime ChangedAt, string? Problem);
}
