using VideoSim.Fuzz.Mutation;
using VideoSim.Models.Import;

namespace VideoSim.Fuzz.Formats;

/// <summary>Tables of videos with a JSON object a line, compared with JsonDocument.</summary>
internal sealed class JsonLinesFormat() : Format("jsonl", "videos.jsonl", "JsonLinesTable: data import")
{
    public override IEnumerable<byte[]> Seeds() =>
    [
        """
        {"id":"1","title":"a","tags":["x","y"],"frames":"f/1.npy","split":"train"}
        {"id":2,"title":"猫 \u732b","tags":[1,-2]}

        """u8.ToArray(),
        "\uFEFF{ \"title\" : \"t\" , \"other\" : {\"a\":[1,{}]} , \"id\" : 123456789012345678901234567890 }\r\n"u8.ToArray(),
    ];

    // A line, as JSON, and sometimes lines.
    public override byte[] Mutate(Mutator mutator, byte[] input)
    {
        if (mutator.OneIn(3))
            return mutator.Lines(input);
        int end = input.AsSpan().IndexOf((byte)'\n');
        return end < 0 ? mutator.Json(input) : mutator.OneIn(2) ? [.. mutator.Json(input[..end]), .. input.AsSpan(end)] : [.. input.AsSpan(0, end + 1), .. mutator.Json(input[(end + 1)..])];
    }

    public override void Read(string path, byte[] input)
    {
        var rows = TableRows.Read(VideoTables.Open(path, openParquet: null));
        var content = input.AsSpan();
        if (content.StartsWith("\uFEFF"u8))
            content = content[3..];
        var byLine = rows.ToDictionary(static row => row.Line);
        long line = 0;
        foreach (var range in content.Split((byte)'\n'))
        {
            if (byLine.TryGetValue(++line, out var row) && row.Problem is null)
                TableRows.SameAsJson(row, content[range].ToArray());
            else if (row is null)
                Expect.That(content[range].Trim(" \t\r"u8).IsEmpty, "a line was left out");
        }
        TableRows.RequireGood(path, rows);
    }
}
