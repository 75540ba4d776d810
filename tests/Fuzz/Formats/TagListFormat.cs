using System.Globalization;
using System.Numerics;
using System.Text;
using VideoSim.Fuzz.Mutation;
using VideoSim.Models.Datasets;

namespace VideoSim.Fuzz.Formats;

/// <summary>tag_list.txt, compared with a reader of plain text.</summary>
internal sealed class TagListFormat() : Format("tag-list", "tag_list.txt", "TagList: data folders and model folders")
{
    public override IEnumerable<byte[]> Seeds() => ["5\n-3\n12\n"u8.ToArray(), "\ufeff9223372036854775807\r\n-9223372036854775808\r\n0"u8.ToArray(), ""u8.ToArray()];

    public override byte[] Mutate(Mutator mutator, byte[] input) => mutator.Lines(input);

    public override void Read(string path, byte[] input)
    {
        var list = TagList.Read(path);
        var expected = new SortedSet<long>();
        foreach (string line in PlainLines.Of(input))
        {
            string digits = line.TrimStart('+', '-');
            Expect.That(digits.Length > 0 && digits.All(char.IsAsciiDigit) && line.Length - digits.Length <= 1, "a line that is not a number was taken");
            var number = BigInteger.Parse(line, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
            Expect.That(number >= long.MinValue && number <= long.MaxValue, "a number of more than 64 bits was taken");
            Expect.That(expected.Add((long)number), "a tag was taken twice");
        }
        Expect.Items([.. expected], list.Ids, "tags");
        Expect.Items<byte>(Encoding.UTF8.GetBytes(string.Concat(expected.Select(static id => $"{id}\n"))), list.ToFile(), "file of the tags");
    }
}
