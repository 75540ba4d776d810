using System.Text;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Datasets;

namespace VideoSim.Models.Import;

/// <summary>The part of the data that a row belongs to. Bad rows have <see cref="None"/>.</summary>
internal enum Split : byte
{
    None,
    Pretrain,
    Pairs,
    TestA,
    TestB,
}

/// <summary>The rules of a row, as far as the row alone decides, and the place of its frames.</summary>
/// <param name="folder">The folder that paths of frames begin at. No path may leave it.</param>
internal sealed class RowRules(string folder)
{
    private const int MostTagBytes = 255;

    /// <summary>Names of the parts in a table, in the order of <see cref="Split"/> without the first.</summary>
    internal static readonly string[] SplitNames = ["pretrain", "pairs", "test_a", "test_b"];

    /// <summary>The folder, as a full path with a separator at its end.</summary>
    internal string Folder { get; } = Path.EndsInDirectorySeparator(Path.GetFullPath(folder)) ? Path.GetFullPath(folder) : Path.GetFullPath(folder) + Path.DirectorySeparatorChar;

    /// <summary>The first rule that a row breaks, as the end of a message; null for a good row.</summary>
    internal static string? Problem(TableRow row) =>
        row.Problem
        ?? VideoId.Problem(Encoding.UTF8.GetBytes(row.Id))
        ?? (row.Title.Contains('\0', StringComparison.Ordinal) ? "the title has a NUL" : null)
        ?? TagProblem(row.Tags)
        ?? (row.Split is { } split && !SplitNames.Contains(split) ? $"the split {Printable.Quote(split)} is not known; it must be {string.Join(", ", SplitNames)}" : null);

    /// <summary>The part that a row names; null if it names none.</summary>
    internal static Split? SplitOf(TableRow row) => row.Split is { } name ? (Split)(1 + Array.IndexOf(SplitNames, name)) : null;

    /// <summary>The path of a row's frames within the folder, for messages.</summary>
    internal static string FramesOf(TableRow row) => row.Frames ?? row.Id + ".npy";

    /// <summary>The full path of a row's frames.</summary>
    /// <returns>Null if the path leaves the folder or is no path; <paramref name="problem"/> has the reason.</returns>
    internal string? FindFrames(TableRow row, out string? problem)
    {
        string path = FramesOf(row);
        problem = path.Contains('\0', StringComparison.Ordinal) ? "the path of its frames has a NUL" : null;
        if (problem is not null)
            return null;
        string full = Path.GetFullPath(path, Folder);
        problem = full.StartsWith(Folder, StringComparison.Ordinal) && full.Length > Folder.Length ? null
            : $"its frames {Printable.Quote(path)} are outside of {Printable.OneLine(Folder)}; --frames names another folder";
        return problem is null ? full : null;
    }

    private static string? TagProblem(IReadOnlyList<string> tags)
    {
        for (int i = 0; i < tags.Count; i++)
        {
            string tag = tags[i];
            if (tag.Length == 0)
                return $"tag {i + 1} is empty";
            if (tag.AsSpan().IndexOfAny("\t\r\n\0") >= 0)
                return $"tag {Printable.Quote(tag)} has a tab, a line break or a NUL";
            if (Encoding.UTF8.GetByteCount(tag) is > MostTagBytes and var bytes)
                return $"tag {Printable.Quote(tag)} has {bytes} bytes; at most {MostTagBytes} are allowed";
        }
        return tags.Count > 1 && tags.GroupBy(static tag => tag, StringComparer.Ordinal).FirstOrDefault(static group => group.Count() > 1) is { } twice
            ? $"tag {Printable.Quote(twice.Key)} occurs twice" : null;
    }
}

/// <summary>Bad rows. The first ones are kept, the others counted.</summary>
/// <param name="most">The number of rows to keep.</param>
internal sealed class BadRowList(int most)
{
    private readonly List<BadRow> _kept = [];

    /// <summary>Number of all bad rows.</summary>
    internal int Count { get; private set; }

    /// <summary>The first ones.</summary>
    internal IReadOnlyList<BadRow> Kept => _kept;

    /// <summary>Adds a bad row.</summary>
    internal void Add(BadRow bad)
    {
        Count++;
        // An id that is too long may have a megabyte.
        if (_kept.Count < most)
            _kept.Add(bad with { Id = bad.Id.Length > VideoId.MostBytes ? bad.Id[..VideoId.MostBytes] : bad.Id });
    }
}

/// <summary>One bad row of a table, or one bad line of a file of pairs.</summary>
/// <param name="File">Path of the file, as it was given.</param>
/// <param name="RowName">What the number counts: <c>line</c> or <c>row</c>.</param>
/// <param name="Line">Its number, from 1.</param>
/// <param name="Id">The video's id; empty if it could not be read.</param>
/// <param name="Reason">The problem.</param>
public sealed record BadRow(string File, string RowName, long Line, string Id, string Reason)
{
    /// <summary>The description as one line: <c>videos.csv: line 12 (id 345): tag 2 is empty</c>.</summary>
    public override string ToString() => Id.Length == 0 ? $"{File}: {RowName} {Line}: {Reason}" : $"{File}: {RowName} {Line} (id {Printable.OneLine(Id)}): {Reason}";
}
