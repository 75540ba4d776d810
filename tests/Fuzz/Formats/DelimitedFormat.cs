using System.Text;
using VideoSim.Fuzz.Mutation;
using VideoSim.Models.Import;

namespace VideoSim.Fuzz.Formats;

/// <summary>CSV and TSV, compared with a reader of characters (RFC 4180) if every row is good.</summary>
internal sealed class DelimitedFormat(string extension, char separator) : Format(extension, $"videos.{extension}", "DelimitedTable: data import")
{
    private static readonly string[] Texts =
    [
        "id,title,tags,frames,split\n1,a,x|y,f/1.npy,train\n2,\"b, \"\"c\"\"\n d\",,,\n", "\uFEFFtitle,id,other\r\n猫,三,1\r\n, 4 ,\r\n", "id,title\n1,\"\"",
    ];

    public override IEnumerable<byte[]> Seeds() => Texts.Select(text => Encoding.UTF8.GetBytes(text.Replace(',', separator)));

    public override byte[] Mutate(Mutator mutator, byte[] input) => mutator.Lines(input);

    public override void Read(string path, byte[] input)
    {
        var rows = TableRows.Read(VideoTables.Open(path, openParquet: null));
        TableRows.RequireGood(path, rows);
        string text = Encoding.UTF8.GetString(input);
        var expected = RowsOf(text.StartsWith('\uFEFF') ? text[1..] : text);
        string[] names = [.. expected[0].Select(static name => name.Trim())];
        expected.RemoveAt(0);
        while (expected.Count > 0 && expected[^1] is [var only] && only.AsSpan().Trim(" \t").IsEmpty)
            expected.RemoveAt(expected.Count - 1);
        Expect.Equal(expected.Count, rows.Count, "number of rows");
        for (int i = 0; i < rows.Count; i++)
        {
            string[] fields = expected[i];
            Expect.Equal(Field("id"), rows[i].Id, "id");
            Expect.Equal(Field("title"), rows[i].Title, "title");
            Expect.Equal(Field("frames") ?? "", rows[i].Frames ?? "", "frames");
            Expect.Equal(Field("split") ?? "", rows[i].Split ?? "", "split");
            string tags = (Field("tags") ?? "").Trim();
            Expect.Items<string>(tags.Length == 0 ? [] : [.. tags.Split('|').Select(static tag => tag.Trim())], rows[i].Tags.ToArray(), "tags");

            string? Field(string name) => Array.IndexOf(names, name) is >= 0 and var at ? fields[at] : null;
        }
    }

    // One character after the other, with two states.
    private List<string[]> RowsOf(string text)
    {
        var (rows, fields, field) = (new List<string[]>(), new List<string>(), new StringBuilder());
        bool isQuoted = false, wasQuoted = false;
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            if (isQuoted && c == '"' && i + 1 < text.Length && text[i + 1] == '"')
                field.Append(text[i++]);
            else if (isQuoted && c == '"')
                isQuoted = false;
            else if (isQuoted)
                field.Append(c);
            else if (c == '"' && field.Length == 0 && !wasQuoted)
                isQuoted = wasQuoted = true;
            else if (c == separator)
                EndField();
            else if (c == '\n' || (c == '\r' && (i + 1 == text.Length || text[i + 1] == '\n')))
                EndRow(ref i);
            else
                field.Append(c);
        }
        if (field.Length > 0 || fields.Count > 0 || wasQuoted)
        {
            EndField();
            rows.Add([.. fields]);
        }
        return rows;

        void EndField()
        {
            fields.Add(field.ToString());
            field.Clear();
            wasQuoted = false;
        }

        void EndRow(ref int i)
        {
            if (text[i] == '\r' && i + 1 < text.Length)
                i++;
            EndField();
            rows.Add([.. fields]);
            fields.Clear();
        }
    }
}
