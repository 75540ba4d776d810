using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Import;

/// <summary>
/// JSON Lines: one object on each line. A key that is not one of <see cref="VideoTables.Columns"/> is skipped. Empty
/// lines count only before other lines.
/// </summary>
internal sealed class JsonLinesTable(string path) : IVideoTable
{
    // Enough to find a key that is written wrong; a file may have other keys on every line.
    private const int MostOtherColumns = 20;

    private readonly SortedSet<string> _others = new(StringComparer.Ordinal);

    public string Path => path;

    public string RowName => "line";

    public IReadOnlyCollection<string> OtherColumns => _others;

    public IEnumerable<TableRow> Read()
    {
        _others.Clear();
        using var window = new TextWindow(path);
        long emptyFrom = 0, rows = 0;
        while (true)
        {
            int end;
            while ((end = window.Rest.IndexOf((byte)'\n')) < 0 && window.TryGrow())
            {
            }
            if (end < 0 && window.IsWhole)
                end = window.Rest.Length;
            if (end == 0 && window.IsWhole && window.Rest.IsEmpty)
                break;
            long number = window.Line;
            if (end >= 0 && window.Rest[..end].Trim(" \t\r"u8).IsEmpty)
            {
                emptyFrom = emptyFrom == 0 ? number : emptyFrom;
                window.Skip(Math.Min(end + 1, window.Rest.Length));
                continue;
            }
            if (emptyFrom > 0)
                yield return VideoTables.EmptyLines(emptyFrom, number);
            emptyFrom = 0;
            rows++;
            if (end < 0)
            {
                window.SkipLine();
                yield return new TableRow { Line = number, Problem = $"the line is longer than {TextWindow.MostRowBytes} bytes" };
                continue;
            }
            var row = Parse(window.Rest[..end], number);
            window.Skip(Math.Min(end + 1, window.Rest.Length));
            yield return row;
        }
        if (rows == 0)
            throw new DataException($"{path}: the table has no videos");
    }

    private TableRow Parse(ReadOnlySpan<byte> line, long number)
    {
        if (!Utf8.IsValid(line))
            return new TableRow { Line = number, Problem = "the line is not valid UTF-8" };
        string? id = null;
        try
        {
            var reader = new Utf8JsonReader(line);
            return ParseObject(ref reader, number, ref id);
        }
        catch (JsonException e)
        {
            string reason = e.Message.Split(" Path: ")[0].Split(" LineNumber: ")[0]
                .Replace(" is not supported in this mode. Change the reader options.", " is not allowed", StringComparison.Ordinal).TrimEnd('.');
            return Bad($"not JSON: {Printable.OneLine(reason)}{(e.BytePositionInLine is { } place ? $" (at byte {place + 1})" : "")}");
        }
        catch (InvalidOperationException)
        {
            return Bad("a text has half of a surrogate pair");
        }

        TableRow Bad(string reason) => new() { Line = number, Id = id ?? "", Problem = reason };
    }

    private TableRow ParseObject(ref Utf8JsonReader reader, long number, ref string? id)
    {
        string? title = null, frames = null, split = null, problem = null;
        IReadOnlyList<string>? tags = null;
        uint seen = 0;
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
            return new TableRow { Line = number, Problem = "the line is not a JSON object" };
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            int column = Column(ref reader);
            if (column < 0)
            {
                if (_others.Count < MostOtherColumns)
                    _others.Add(reader.GetString()!);
                reader.Skip();
                continue;
            }
            if ((seen & 1u << column) != 0)
                problem ??= $"the key '{VideoTables.Columns[column]}' occurs twice";
            seen |= 1u << column;
            reader.Read();
            switch (VideoTables.Columns[column])
            {
                case VideoTables.Id:
                    id = Text(ref reader, VideoTables.Id, takesNumber: true, ref problem);
                    break;
                case VideoTables.Title:
                    title = Text(ref reader, VideoTables.Title, takesNumber: false, ref problem) ?? "";
                    break;
                case VideoTables.Tags:
                    tags = TagsOf(ref reader, ref problem);
                    break;
                case VideoTables.Frames:
                    frames = Text(ref reader, VideoTables.Frames, takesNumber: false, ref problem);
                    break;
                default:
                    split = Text(ref reader, VideoTables.Split, takesNumber: false, ref problem);
                    break;
            }
        }
        // Text after the object is an error of the reader.
        reader.Read();
        problem ??= (seen & 1) == 0 ? "there is no 'id'" : (seen & 2) == 0 ? "there is no 'title'" : null;
        return new TableRow { Line = number, Id = id ?? "", Title = title ?? "", Tags = tags ?? [], Frames = Given(frames), Split = Given(split), Problem = problem };
    }

    private static string? Given(string? text) => text is "" ? null : text;

    private static int Column(ref Utf8JsonReader reader)
    {
        for (int i = 0; i < VideoTables.Columns.Count; i++)
        {
            if (reader.ValueTextEquals(VideoTables.Columns[i]))
                return i;
        }
        return -1;
    }

    private static string? Text(ref Utf8JsonReader reader, string key, bool takesNumber, ref string? problem)
    {
        if (reader.TokenType == JsonTokenType.String)
            return reader.GetString();
        if (takesNumber && WholeNumber(ref reader) is { } number)
            return number;
        if (reader.TokenType != JsonTokenType.Null)
            problem ??= $"'{key}' is {Kind(ref reader)}; expected text{(takesNumber ? " or a whole number" : "")}";
        reader.Skip();
        return null;
    }

    private static List<string> TagsOf(ref Utf8JsonReader reader, ref string? problem)
    {
        var tags = new List<string>();
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            if (reader.TokenType != JsonTokenType.Null)
                problem ??= $"'tags' is {Kind(ref reader)}; expected an array of texts or whole numbers";
            reader.Skip();
            return tags;
        }
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType == JsonTokenType.String)
                tags.Add(reader.GetString()!);
            else if (WholeNumber(ref reader) is { } number)
                tags.Add(number);
            else
                problem ??= $"a tag is {Kind(ref reader)}; expected text or a whole number";
            reader.Skip();
        }
        return tags;
    }

    // The digits as they stand: a number beyond 64 bits is a text like any other.
    private static string? WholeNumber(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.Number)
            return null;
        string text = Encoding.ASCII.GetString(reader.HasValueSequence ? reader.ValueSequence.ToArray() : reader.ValueSpan);
        return text.AsSpan().ContainsAny(".eE") ? null : text;
    }

    private static string Kind(ref Utf8JsonReader reader) => reader.TokenType switch
    {
        JsonTokenType.String => "a text",
        JsonTokenType.Number => $"the number {Printable.OneLine(Encoding.ASCII.GetString(reader.ValueSpan))}",
        JsonTokenType.StartObject => "an object",
        JsonTokenType.StartArray => "an array",
        JsonTokenType.Null => "null",
        _ => "true or false",
    };
}
