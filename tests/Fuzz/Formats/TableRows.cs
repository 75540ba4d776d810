using System.Text.Json;
using VideoSim.Engine;
using VideoSim.Models.Import;

namespace VideoSim.Fuzz.Formats;

/// <summary>Rows of a table of videos, and the rules that hold for each.</summary>
internal static class TableRows
{
    /// <summary>Reads all rows twice: both readings must give the same, as an import needs it.</summary>
    public static List<TableRow> Read(IVideoTable table)
    {
        List<TableRow> first = [.. table.Read()], second = [.. table.Read()];
        Expect.Equal(first.Count, second.Count, "number of rows of the second reading");
        long line = 0;
        for (int i = 0; i < first.Count; i++)
        {
            Expect.That(first[i].Line > line, "a row is not behind the one before it");
            line = first[i].Line;
            if (first[i].Problem is { } problem && Execution.FaultOf(problem) is { } fault)
                throw new WrongValueException(fault, problem);
            Expect.That((first[i].Line, first[i].Id, first[i].Title, first[i].Frames, first[i].Split, first[i].Problem) == (second[i].Line, second[i].Id, second[i].Title, second[i].Frames, second[i].Split, second[i].Problem)
                && first[i].Tags.SequenceEqual(second[i].Tags), "the second reading gives another row");
        }
        return first;
    }

    /// <summary>Refuses a table with bad rows: only whole tables count as taken.</summary>
    public static void RequireGood(string path, List<TableRow> rows)
    {
        if (rows.Find(static row => row.Problem is not null) is { } bad)
            throw new DataException($"{path}: {bad.Line}: {bad.Problem}");
    }

    /// <summary>Compares a row with a line of JSON.</summary>
    public static void SameAsJson(TableRow row, byte[] line)
    {
        using var document = JsonDocument.Parse(line); // other keys may be there twice
        var json = document.RootElement;
        Expect.Equal(Text("id") ?? "", row.Id, "id");
        Expect.Equal(Text("title") ?? "", row.Title, "title");
        Expect.Equal(Text("frames") is "" ? null : Text("frames"), row.Frames, "frames");
        Expect.Equal(Text("split") is "" ? null : Text("split"), row.Split, "split");
        string[] tags = json.TryGetProperty("tags", out var list) && list.ValueKind == JsonValueKind.Array ? [.. list.EnumerateArray().Select(TextOf)!] : [];
        Expect.Items<string>(tags, row.Tags.ToArray(), "tags");

        string? Text(string key) => json.TryGetProperty(key, out var value) ? TextOf(value) : null;

        static string? TextOf(JsonElement value) => value.ValueKind switch { JsonValueKind.String => value.GetString(), JsonValueKind.Number => value.GetRawText(), _ => null };
    }
}
