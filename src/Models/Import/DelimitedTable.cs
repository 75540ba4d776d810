using System.Text;
using System.Text.Unicode;
using VideoSim.Engine;

namespace VideoSim.Models.Import;

/// <summary>
/// CSV and TSV with a line of column names (RFC 4180, in UTF-8). A field in double quotes may have separators, line
/// breaks and doubled quotes. Lines end with LF or CR LF. Empty lines at the end do not count.
/// </summary>
/// <remarks>
/// If a row of several lines is wrong, only its first line is reported, and reading goes on with its second line. So a
/// quote that is not closed costs one row. A row of several lines ends as soon as it has too many fields: otherwise
/// each line of a table with wrong quotes could be a row to the end of the table, and reading would take quadratic
/// time.
/// </remarks>
internal sealed class DelimitedTable(string path, byte separator) : IVideoTable
{
    private readonly List<Field> _fields = [];
    private string[] _names = [];

    public string Path => path;

    public string RowName => "line";

    public IReadOnlyCollection<string> OtherColumns => [.. _names.Except(VideoTables.Columns)];

    public IEnumerable<TableRow> Read()
    {
        using var window = new TextWindow(path);
        ReadNames(window);
        int[] places = [.. VideoTables.Columns.Select(name => Array.IndexOf(_names, name))];
        long emptyFrom = 0, rows = 0;
        while (!window.Rest.IsEmpty || window.TryGrow())
        {
            if (window.Rest.IsEmpty)
                continue;
            int bytes = Split(window, _names.Length, out string? problem);
            long number = window.Line;
            if (problem is null && _fields is [{ IsQuoted: false } only] && window.Rest[only.Start..only.End].Trim(" \t"u8).IsEmpty)
            {
                emptyFrom = emptyFrom == 0 ? number : emptyFrom;
                window.Skip(bytes);
                continue;
            }
            if (emptyFrom > 0)
                yield return VideoTables.EmptyLines(emptyFrom, number);
            emptyFrom = 0;
            rows++;
            problem ??= !Utf8.IsValid(window.Rest[..bytes]) ? "the row is not valid UTF-8"
                : _fields.Count != _names.Length ? $"the row has {_fields.Count} fields; there are {_names.Length} columns"
                : null;
            if (problem is not null)
            {
                window.SkipLine();
                yield return new TableRow { Line = number, Problem = problem };
                continue;
            }
            string? id = Text(0), title = Text(1), frames = Text(3), split = Text(4);
            string[] tags = VideoTables.SplitTags(Text(2) ?? "", out problem);
            window.Skip(bytes);
            yield return new TableRow
            {
                Line = number, Id = id!, Title = title!, Tags = tags, Frames = frames is "" ? null : frames, Split = split is "" ? null : split, Problem = problem,
            };
        }
        if (rows == 0)
            throw new DataException($"{path}: the table has no videos");

        string? Text(int column) => places[column] < 0 ? null : TextOf(window.Rest, _fields[places[column]]);
    }

    private void ReadNames(TextWindow window)
    {
        if (window.Rest.IsEmpty)
            throw new DataException($"{path}: the file is empty");
        int bytes = Split(window, int.MaxValue, out string? problem);
        if (problem is null && !Utf8.IsValid(window.Rest[..bytes]))
            problem = "the row is not valid UTF-8";
        if (problem is not null)
            throw new DataException($"{path}: line 1: {problem}");
        string[] names = new string[_fields.Count];
        for (int i = 0; i < names.Length; i++)
            names[i] = TextOf(window.Rest, _fields[i]).Trim();
        VideoTables.RequireColumns(path, names);
        _names = names;
        window.Skip(bytes);
    }

    // Finds the fields of the row at the current position. Returns the size of the row with its line end.
    private int Split(TextWindow window, int mostFields, out string? problem)
    {
        int bytes;
        while ((bytes = TrySplit(window.Rest, window.IsWhole, mostFields, out problem)) < 0)
        {
            if (window.TryGrow())
                continue;
            problem = window.IsWhole ? "a quote is opened and not closed" : $"the row is longer than {TextWindow.MostRowBytes} bytes, or a quote is not closed";
            return window.Rest.Length;
        }
        return bytes;
    }

    // Negative if the row does not end within the text.
    private int TrySplit(ReadOnlySpan<byte> text, bool isWhole, int mostFields, out string? problem)
    {
        _fields.Clear();
        problem = null;
        for (int at = 0; ; at++)
        {
            bool quoted = at < text.Length && text[at] == (byte)'"';
            var field = quoted ? Quoted(text, at, isWhole) : Plain(text, at, isWhole);
            if (field.End < 0)
                return -1;
            _fields.Add(field);
            at = field.End + (quoted ? 1 : 0);
            if (_fields.Count > mostFields && text[field.Start..field.End].Contains((byte)'\n'))
            {
                problem = $"the row has at least {_fields.Count} fields; there are {mostFields} columns";
                return at;
            }
            if (at == text.Length)
                return isWhole ? at : -1;
            if (text[at] == separator)
                continue;
            if (text[at] == (byte)'\r' && at + 1 < text.Length && text[at + 1] == (byte)'\n')
                return at + 2;
            if (text[at] == (byte)'\n')
                return at + 1;
            if (text[at] == (byte)'\r' && at + 1 == text.Length)
                return isWhole ? at + 1 : -1;
            problem = "there is text after a closing quote";
            return at;
        }
    }

    private static Field Quoted(ReadOnlySpan<byte> text, int start, bool isWhole)
    {
        for (int at = start + 1; ; at += 2)
        {
            int found = text[at..].IndexOf((byte)'"');
            if (found < 0)
                return new Field(start, -1, true);
            at += found;
            if (at + 1 == text.Length)
                return new Field(start + 1, isWhole ? at : -1, true);
            if (text[at + 1] != (byte)'"')
                return new Field(start + 1, at, true);
        }
    }

    private Field Plain(ReadOnlySpan<byte> text, int start, bool isWhole)
    {
        int length = text[start..].IndexOfAny(separator, (byte)'\n');
        int end = length >= 0 ? start + length : isWhole ? text.Length : -1;
        bool endsLine = end >= 0 && (end == text.Length || text[end] == (byte)'\n');
        return new Field(start, endsLine && end > start && text[end - 1] == (byte)'\r' ? end - 1 : end, false);
    }

    private static string TextOf(ReadOnlySpan<byte> row, Field field)
    {
        string text = Encoding.UTF8.GetString(row[field.Start..field.End]);
        return field.IsQuoted ? text.Replace("\"\"", "\"", StringComparison.Ordinal) : text;
    }

    private readonly record struct Field(int Start, int End, bool IsQuoted);
}
