using System.Globalization;
using System.Text;
using VideoSim.Fuzz.Mutation;
using VideoSim.Models.Text;

namespace VideoSim.Fuzz.Formats;

/// <summary>jieba's dict.txt, compared with its plain lines, and RoFormer's tokenizer with it.</summary>
internal sealed class JiebaFormat() : Format("jieba-dict", "dict.txt", "JiebaDictionary, RoFormerTokenizer: --jieba-dict")
{
    private const int RowLength = 16;

    private static readonly byte[] Title = Encoding.UTF8.GetBytes("天地玄黄，宇宙洪荒 dogs 日月盈昃");

    private readonly Vocabulary _vocabulary = Vocabulary.Parse("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n天\n地\n天地\n宇宙\n洪\n荒\ndog\n##s\n"u8, "vocab.txt");

    public override IEnumerable<byte[]> Seeds() => ["天地 5\n玄黄 3 n\n宇宙 7 n v\n洪荒 0\ndogs 1\n"u8.ToArray(), "\uFEFF天 1\r\n\t天地 2 \r\n天地 9"u8.ToArray()];

    public override byte[] Mutate(Mutator mutator, byte[] input) => mutator.Lines(input);

    public override void Read(string path, byte[] input)
    {
        var dictionary = JiebaDictionary.Load(path);
        var counts = new Dictionary<string, long>(StringComparer.Ordinal);
        long total = 0;
        foreach (string line in PlainLines.Of(input))
        {
            string[] fields = line.Trim(' ', '\t', '\v', '\f').Split(' ');
            Expect.That(fields.Length >= 2 && fields[1].Length > 0 && fields[1].All(char.IsAsciiDigit), "a line without a count was taken", line);
            counts[fields[0]] = long.Parse(fields[1], CultureInfo.InvariantCulture);
            total = checked(total + counts[fields[0]]);
        }
        foreach (var (word, count) in counts)
        {
            if (word.Any(char.IsSurrogate))
                continue; // looked up by another method
            int prefix = PrefixTable.Root;
            foreach (char character in word)
            {
                prefix = dictionary.Extend(prefix, character);
                Expect.That(prefix != PrefixTable.NotFound, "a word is missing", word);
            }
            Expect.Equal(count == 0 ? double.NaN : Math.Log(count) - Math.Log(total), dictionary.Score(prefix), "score of a word");
        }
        int[] ids = new int[RowLength], mask = new int[RowLength];
        new RoFormerTokenizer(_vocabulary, dictionary).Encode(Title, ids, mask);
        Expect.That(ids.All(id => id >= 0 && id < _vocabulary.Count), "an id is outside of the vocabulary");
    }
}
