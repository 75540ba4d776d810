using System.Globalization;
using System.Text;
using VideoSim.Fuzz.Mutation;
using VideoSim.Models.Datasets;

namespace VideoSim.Fuzz.Formats;

/// <summary>label.tsv, compared with a reader of plain text.</summary>
internal sealed class LabelsFormat() : Format("labels", "label.tsv", "LabelFile: data folders, --labels, --pairs; data folds")
{
    public override IEnumerable<byte[]> Seeds() =>
        ["1\t2\t0.5\n2\t3\t1\n1\t3\t0\n"u8.ToArray(), "a b 1e-3\r\na  c 0.25\r\n"u8.ToArray(), "\uFEFFid with blanks\tz\t0.125"u8.ToArray()];

    public override byte[] Mutate(Mutator mutator, byte[] input) => mutator.Lines(input);

    public override void Read(string path, byte[] input)
    {
        var pairs = LabelFile.Read(path);
        // Bytes as characters: ids need not be UTF-8 here, because each is looked up among the videos.
        string text = Encoding.Latin1.GetString(input);
        string[] lines = (text.StartsWith("\u00ef\u00bb\u00bf", StringComparison.Ordinal) ? text[3..] : text).TrimEnd(' ', '\t', '\r', '\n').Split('\n');
        Expect.Equal(lines.Length, pairs.Length, "number of pairs");
        for (int i = 0; i < lines.Length; i++)
        {
            string line = lines[i].TrimEnd(' ', '\t', '\r');
            string[] fields = line.Contains('\t') ? line.Split('\t') : line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            Expect.Equal(3, fields.Length, "fields of a line");
            Expect.That(fields[2].All(static c => char.IsAsciiDigit(c) || c is '.' or '+' or '-' or 'e' or 'E' or ' ' or '\v' or '\f' or '\r'), "a similarity that is not a number was taken", fields[2]);
            float similarity = (float)double.Parse(fields[2], NumberStyles.Float, CultureInfo.InvariantCulture);
            Expect.That(similarity is >= 0 and <= 1, "a similarity outside of [0, 1] was taken");
            Expect.Equal(similarity, pairs[i].TargetSimilarity, "similarity");
            Expect.Equal(pairs[i].Left == pairs[i].Right, Key(fields[0]) == Key(fields[1]), "equality of two ids");
        }

        // The reader decodes ids, so bytes that are no UTF-8 become equal.
        string Key(string field) => Encoding.UTF8.GetString(Encoding.Latin1.GetBytes(field));
    }
}
