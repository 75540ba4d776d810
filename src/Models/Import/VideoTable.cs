using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Import;

/// <summary>One row of a table of videos, as it was read. Its values are not checked yet.</summary>
public sealed record TableRow
{
    /// <summary>Number of the row's first line in a text file, or of the row in another file, from 1.</summary>
    public required long Line { get; init; }

    /// <summary>The video's id.</summary>
    public string Id { get; init; } = "";

    /// <summary>Its title.</summary>
    public string Title { get; init; } = "";

    /// <summary>Its tags, in the order of the table. Numbers are in decimal digits.</summary>
    public IReadOnlyList<string> Tags { get; init; } = [];

    /// <summary>Path of its frames; null if the table does not give one.</summary>
    public string? Frames { get; init; }

    /// <summary>The part of the data that it belongs to; null if the table does not give one.</summary>
    public string? Split { get; init; }

    /// <summary>Why the row cannot be read; null if it can. Such a row has a line and perhaps an id.</summary>
    public string? Problem { get; init; }
}

/// <summary>A table of videos. Each reading gives all rows, bad ones included.</summary>
public interface IVideoTable
{
    /// <summary>The file.</summary>
    string Path { get; }

    /// <summary>What the numbers of rows count: <c>line</c> or <c>row</c>.</summary>
    string RowName { get; }

    /// <summary>Columns that the last reading met and did not read.</summary>
    IReadOnlyCollection<string> OtherColumns { get; }

    /// <summary>Reads all rows, one after the other.</summary>
    /// <exception cref="DataException">The file cannot be read, or lacks a column.</exception>
    IEnumerable<TableRow> Read();
}

/// <summary>The columns and file formats of tables of videos.</summary>
public static class VideoTables
{
    /// <summary>Name of a column.</summary>
    public const string Id = "id", Title = "title", Tags = "tags", Frames = "frames", Split = "split";

    /// <summary>Separates tags in a cell of CSV and TSV, and in a string of Parquet.</summary>
    public const char TagSeparator = '|';

    /// <summary>All columns that are read.</summary>
    public static readonly IReadOnlyList<string> Columns = [Id, Title, Tags, Frames, Split];

    /// <summary>Opens a table by the extension of its file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="openParquet">Opens a Parquet file; null in a program without a reader for Parquet.</param>
    /// <exception cref="DataException">The extension is not known, or there is no such file.</exception>
    public static IVideoTable Open(string path, Func<string, IVideoTable>? openParquet)
    {
        var table = Path.GetExtension(path).ToLowerInvariant() switch
        {
            ".jsonl" or ".ndjson" => new JsonLinesTable(path),
            ".csv" => new DelimitedTable(path, (byte)','),
            ".tsv" => new DelimitedTable(path, (byte)'\t'),
            ".parquet" => openParquet?.Invoke(path) ?? throw new DataException($"{path}: this program is built without the reader of Parquet files"),
            _ => throw new DataException($"{path}: the name of a table of videos ends in .jsonl, .ndjson, .csv, .tsv or .parquet"),
        };
        return PathCheck.IsFile(path) ? table : throw new DataException(PathCheck.IsFolder(path) ? $"{path}: is a folder, not a table of videos" : $"{path}: there is no such file");
    }

    /// <summary>Empty lines between rows: one bad row for all lines before <paramref name="end"/>.</summary>
    internal static TableRow EmptyLines(long first, long end) => new()
    {
        Line = first, Problem = end - first == 1 ? "the line is empty" : $"the lines from here to line {end - 1} are empty",
    };

    /// <summary>Splits a cell of tags. The reason is given for a list as Python and JSON write it.</summary>
    public static string[] SplitTags(string cell, out string? problem)
    {
        string trimmed = cell.Trim();
        bool isList = trimmed is ['[', '"' or '\'', ..]
            || (trimmed is ['[', .. var inside, ']'] && (inside.Contains(',') || inside.All(static character => char.IsAsciiDigit(character) || character is ' ' or '-')));
        problem = isList ? $"the tags are written as a list; separate them by {TagSeparator}" : null;
        return trimmed.Length == 0 ? [] : trimmed.Split(TagSeparator, StringSplitOptions.TrimEntries);
    }

    /// <summary>Throws if a table has no column for ids or titles, or has a column twice.</summary>
    /// <exception cref="DataException">The message names file and column.</exception>
    public static void RequireColumns(string path, IReadOnlyList<string> names)
    {
        foreach (string needed in new[] { Id, Title })
        {
            if (!names.Contains(needed))
                throw new DataException($"{path}: there is no column '{needed}'; the columns are {Shown(names)}");
        }
        foreach (string name in Columns)
        {
            if (names.Count(other => other == name) > 1)
                throw new DataException($"{path}: there are two columns '{name}'");
        }
    }

    /// <summary>Names of columns for a message, quoted and bounded.</summary>
    public static string Shown(IEnumerable<string> names)
    {
        const int Most = 10;
        string[] all = [.. names];
        return string.Join(", ", all.Take(Most).Select(Engine.Serialization.Printable.Quote)) + (all.Length > Most ? ", ..." : "");
    }
}
