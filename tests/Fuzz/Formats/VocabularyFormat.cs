using System.Text;
using VideoSim.Fuzz.Mutation;
using VideoSim.Models.Text;

namespace VideoSim.Fuzz.Formats;

/// <summary>vocab.txt with both tokenizers, compared with its plain lines.</summary>
internal sealed class VocabularyFormat() : Format("vocab", "vocab.txt", "Vocabulary, BertTokenizer, RoFormerTokenizer: data folders, model folders, encoders, --vocab")
{
    private const int RowLength = 12;

    private static readonly string[] Specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

    private static readonly byte[][] Titles = [.. new[] { "", "猫 and dogs", "unaffable [MASK] ##x", "天地玄黄宇宙洪荒日月盈昃", "a\0b\u001b\u202e", "\uFEFFé e\u0301 ﬁ" }.Select(Encoding.UTF8.GetBytes), [0xff, 0xe4, 0xb8]];

    private readonly JiebaDictionary _dictionary = JiebaDictionary.Parse("天地 5\n玄黄 3\n宇宙 7 n\n洪荒 2\ndogs 1\n"u8, "dict.txt");

    public override IEnumerable<byte[]> Seeds() =>
    [
        Encoding.UTF8.GetBytes($"{string.Join('\n', Specials)}\na\n##b\n猫\n天地\n##地\nand\ndog\n##s\nun\n##aff\n##able\n"), Encoding.UTF8.GetBytes($"\uFEFF{string.Join("\r\n", Specials)}\r\n天\r\n玄黄\r\n天\r\n"),
    ];

    public override byte[] Mutate(Mutator mutator, byte[] input) => mutator.Lines(input);

    public override void Read(string path, byte[] input)
    {
        var vocabulary = Vocabulary.Load(path);
        var lines = PlainLines.Of(input);
        Expect.Equal(lines.Count, vocabulary.Count, "number of pieces");
        var last = new Dictionary<string, int>(StringComparer.Ordinal);
        for (int i = 0; i < lines.Count; i++)
        {
            Expect.Equal(lines[i], vocabulary[i], "piece");
            last[lines[i]] = i;
        }
        foreach (var (piece, id) in last)
            Expect.That(vocabulary.TryGetId(piece, out int found) && found == id, "a piece has another id", piece);
        Expect.Items<int>([.. Specials.Select(special => last[special])], [vocabulary.PadId, vocabulary.UnknownId, vocabulary.ClassId, vocabulary.SeparatorId, vocabulary.MaskId], "ids of special tokens");
        Encode(new BertTokenizer(vocabulary), lines);
        Encode(new RoFormerTokenizer(vocabulary, _dictionary), lines);
    }

    private static void Encode(ITokenizer tokenizer, List<string> pieces)
    {
        Span<int> ids = stackalloc int[RowLength], mask = stackalloc int[RowLength];
        foreach (byte[] title in Titles)
        {
            int used = tokenizer.Encode(title, ids, mask);
            Expect.That(used is >= 2 and <= RowLength && ids[0] == tokenizer.Vocabulary.ClassId && ids[used - 1] == tokenizer.Vocabulary.SeparatorId, "a row is not [CLS], tokens, [SEP]");
            for (int i = 0; i < RowLength; i++)
            {
                Expect.Equal(i < used ? 1 : 0, mask[i], "mask");
                Expect.That(ids[i] >= 0 && ids[i] < pieces.Count && (i < used || ids[i] == tokenizer.Vocabulary.PadId), "an id is outside of the vocabulary");
            }
        }
    }
}
