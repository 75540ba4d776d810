using System.Text;
using System.Text.Json;
using CsCheck;
using VideoSim.Models.Text;
using Xunit;

namespace VideoSim.Models.Tests.Text;

/// <summary>
/// <see cref="ITokenizer.ToTokenizer"/> and <see cref="ITokenizer.Encode"/> give the same ids, those of Hugging Face.
/// </summary>
public sealed class WordPieceFormTests
{
    private const string Special = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";

    // Two words with characters that occur in pieces after ##, words that overlap, and one that is only a prefix.
    private static readonly JiebaDictionary SmallDictionary = JiebaDictionary.Parse("##a 9\n## 5\n#a# 5\n非常 9\n常好 9\n好看 3\n非 1\n非常好看的 0\nc++ 4\n北京大学 2\n大学 1\n"u8, "words");

    // The mark is not part of the first piece.
    private static Vocabulary Parse(string content) => Vocabulary.Parse(Encoding.UTF8.GetBytes("\ufeff" + content), "pieces");

    // The ids of the text alone, by the path of training.
    private static int[] Encode(ITokenizer tokenizer, string text)
    {
        byte[] utf8 = Encoding.UTF8.GetBytes(text);
        int[] ids = new int[2 * utf8.Length + 2];
        return ids[1..(tokenizer.Encode(utf8, ids, new int[ids.Length]) - 1)];
    }

    private static int[] Ids(JsonElement list) => [.. list.EnumerateArray().Select(static id => id.GetInt32())];

    private static string AddedLines(JsonElement list) => string.Concat(list.EnumerateArray().Select(static line => "\n" + line.GetString()));

    private static string BertLines => File.ReadAllText(GoldenTokens.PathOf("vocab.txt"));

    [Fact]
    public void EncodeToIds_GoldenStringsOfBert_EqualHuggingFace()
    {
        using var golden = JsonDocument.Parse(File.ReadAllBytes(GoldenTokens.PathOf("golden.json")));
        var tokenizer = new BertTokenizer(Parse(BertLines)).ToTokenizer();
        int count = 0;
        foreach (var item in golden.RootElement.GetProperty("cases").EnumerateArray())
        {
            Assert.True(Ids(item[1]).AsSpan()[1..^1].SequenceEqual([.. tokenizer.EncodeToIds(item[0].GetString()!)]), item.GetRawText());
            count++;
        }
        Assert.True(count > 3_060, $"{count} golden strings");
    }

    [Fact]
    public void EncodeToIds_GoldenTextsOfRoFormer_EqualHuggingFacesRule()
    {
        using var golden = GoldenTokens.Unpack("roformer.json.gz");
        var tokenizer = new RoFormerTokenizer(Parse(BertLines + AddedLines(golden.RootElement.GetProperty("words"))), JiebaDictionary.Stock).ToTokenizer();
        int count = 0;
        foreach (var item in golden.RootElement.GetProperty("cases").EnumerateArray())
        {
            Assert.True(Ids(item[1]).AsSpan()[1..^1].SequenceEqual([.. tokenizer.EncodeToIds(item[0].GetString()!)]), item.GetRawText());
            count++;
        }
        Assert.True(count > 2_200, $"{count} golden texts");
    }

    /// <summary>
    /// 5,000 texts, and a vocabulary in which lines occur twice. The texts have emoji at the limit of a word's length,
    /// and accents behind characters of jieba's words.
    /// </summary>
    [Fact]
    public void BothPaths_GoldenTitles_EqualHuggingFace()
    {
        using JsonDocument words = GoldenTokens.Unpack("roformer.json.gz"), golden = GoldenTokens.Unpack("titles.json.gz");
        var vocabulary = Parse(BertLines + AddedLines(words.RootElement.GetProperty("words")) + AddedLines(golden.RootElement.GetProperty("lines")));
        ITokenizer[] tokenizers = [new BertTokenizer(vocabulary), new RoFormerTokenizer(vocabulary, JiebaDictionary.Stock)];
        var forms = Array.ConvertAll(tokenizers, static tokenizer => tokenizer.ToTokenizer());
        int count = 0;
        foreach (var item in golden.RootElement.GetProperty("cases").EnumerateArray())
        {
            string text = item[0].GetString()!;
            for (int i = 0; i < tokenizers.Length; i++)
            {
                int[] expected = Ids(item[i + 1]);
                Assert.True(expected.SequenceEqual(Encode(tokenizers[i], text)), $"{tokenizers[i].ClassName}, Encode: {item.GetRawText()}");
                Assert.True(expected.SequenceEqual(forms[i].EncodeToIds(text)), $"{tokenizers[i].ClassName}, ToTokenizer: {item.GetRawText()}");
            }
            count++;
        }
        Assert.Equal(5_000, count);
    }

    [Fact]
    public void BothPaths_AnyVocabularyAndText_GiveTheSame()
    {
        string[] pieces =
        [
            "a", "b", "c", "ab", "##a", "##b", "##ab", "##c", "#", "##", "##a#", "###", "[", "]", "mask", "i", "##i", "é", "##e", "e", "\u0301", "##\u0301", "i\u0307", "\u0307",
            "非", "常", "好", "看", "非常", "常好", "北京大学", "c++", "C++", "\u2028", "\u0085", "\u00a0", "\u3000", "\ufffd", "\ufeff", "\ufeffa", "\0", "x\ry", "\rx",
            "😀", "##😀", "😀😀", "👍", "##👍", "\u200d", "##\u200d", "\ufe0f", "🏻", "##🏻", new string('a', 101), new string('a', 250), string.Concat(Enumerable.Repeat("非常", 130)), "ᄒ", "##ᅡ", "##ᆫ", "一", "##一",
        ];
        string[] parts =
        [
            "a", "b", "ab", "A", "#", "##", "##a", "#a#", "C++", "[MASK]", "[mask]", "[UNK]", "[", "MASK]", "é", "É", "e\u0301", "İ", "\u0301", "\u0307", "非", "常", "好", "看", "非常好看", "非\u0301常", "北京大学", "的",
            " ", "\n", "\r", "\r\n", "\t", "\0", "\u2028", "\u0085", "\u00a0", "\u3000", "\u200b", "\u200d", "\ufe0f", "\ufeff", "\ufffd", "\uD83D", "\uDE00", "😀", "👍🏻", "👨‍👩‍👧", "한", "\u1112\u1161\u11ab", "，", ".", "1", "𠀀", "\u0378",
        ];
        var vocabularies = Gen.Select(Gen.OneOf(pieces).Array[1, 60], Gen.OneOf("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "好").Array[0, 2], Gen.Bool)
            .Select(static (chosen, again, specialFirst) => Parse(string.Join('\n', specialFirst ? [Special.TrimEnd(), .. chosen, .. again] : (string[])[.. chosen, Special.TrimEnd(), .. again])));
        var part = Gen.Frequency(
            (20, Gen.OneOf(parts)),
            (1, Gen.Select(Gen.OneOf("a", "😀", "\uD83D", "e\u0301", "一", "\u200d😀", "İ", "한"), Gen.Int[95, 105]).Select(static (unit, count) => string.Concat(Enumerable.Repeat(unit, count)))),
            (1, Gen.OneOf(new string('a', 250), string.Concat(Enumerable.Repeat("非常", 130)))),
            (2, Gen.Char.Select(static c => c.ToString())));
        var texts = part.Array[0, 12].Select(static some => string.Concat(some)).Array[20];
        Gen.Select(vocabularies, texts, Gen.Bool).Sample((vocabulary, some, small) =>
        {
            foreach (var tokenizer in new ITokenizer[] { new BertTokenizer(vocabulary), new RoFormerTokenizer(vocabulary, small ? SmallDictionary : JiebaDictionary.Stock) })
            {
                var form = tokenizer.ToTokenizer();
                foreach (string text in some)
                {
                    int[] expected = Encode(tokenizer, text);
                    Assert.True(expected.SequenceEqual(form.EncodeToIds(text)), $"{tokenizer.ClassName}: {JsonSerializer.Serialize(text)} with {JsonSerializer.Serialize(Encoding.UTF8.GetString(vocabulary.ToFile()))}");
                    Assert.Equal(expected, form.EncodeToIds(text.AsSpan()));
                    Assert.Equal(expected.Length, form.CountTokens(text));
                }
            }
        }, iter: 1_000);
    }

    [Theory]
    [InlineData(100, 100)]
    [InlineData(101, 1)]
    public void BothPaths_EmojiAtTheLimit_CountCodePoints(int codePoints, int tokens)
    {
        var tokenizer = new BertTokenizer(Parse(Special + "😀\n##😀\n"));
        string word = string.Concat(Enumerable.Repeat("😀", codePoints));

        Assert.Equal(tokens, Encode(tokenizer, word).Length);
        Assert.Equal(Encode(tokenizer, word), tokenizer.ToTokenizer().EncodeToIds(word));
    }

    [Fact]
    public void BothPaths_PieceThatIsALongWord_IsOneToken()
    {
        string word = new('a', 300);
        var tokenizer = new RoFormerTokenizer(Parse(Special + word), JiebaDictionary.Stock);

        Assert.Equal([5], Encode(tokenizer, word));
        Assert.Equal([5], tokenizer.ToTokenizer().EncodeToIds(word));
        Assert.Equal([1], tokenizer.ToTokenizer().EncodeToIds(word + "a"));
    }

    [Fact]
    public void BothPaths_LineTwice_TheLastCounts()
    {
        var tokenizer = new BertTokenizer(Parse(Special + "a\n##b\na\n[MASK]\n##b\n[UNK]\n"));

        Assert.Equal([7, 9, 8, 10], Encode(tokenizer, "ab[MASK]c"));
        Assert.Equal([7, 9, 8, 10], tokenizer.ToTokenizer().EncodeToIds("ab[MASK]c"));
    }

    [Fact]
    public void ToTokenizer_MarkInTheFirstPiece_IsKept()
    {
        var tokenizer = new RoFormerTokenizer(Parse("\ufeff\n" + Special), JiebaDictionary.Stock);

        Assert.Equal([0], Encode(tokenizer, "\ufeff"));
        Assert.Equal([0], tokenizer.ToTokenizer().EncodeToIds("\ufeff"));
    }

    [Fact]
    public void ToTokenizer_OtherMethodsOfThePackage_KnowWordsAndSpecialTokens()
    {
        var tokenizer = new RoFormerTokenizer(Parse(Special + "今\n天\n非常\n好\n##ing\nplay\n"), JiebaDictionary.Stock).ToTokenizer();

        var tokens = tokenizer.EncodeToTokens("今天[MASK]非常好，Playing", out string? normalized);

        Assert.Equal("今\n天\n[MASK]\n非常\n好\n，\nplaying\n", normalized);
        Assert.Equal(["今", "天", "[MASK]", "非常", "好", "[UNK]", "play", "##ing"], tokens.Select(static token => token.Value));
        Assert.All(tokens, token => Assert.True(token.Id == tokenizer.UnknownTokenId || token.Value.EndsWith(normalized![token.Offset], StringComparison.Ordinal)));
        Assert.Equal("今 天 非常 好 playing", tokenizer.Decode(tokens.Select(static token => token.Id), skipSpecialTokens: true));
    }

    [Fact]
    public void PreTokenize_Lines_HasTheirPlacesWithoutEmptyOnes()
    {
        var tokenizer = new BertTokenizer(Parse(Special)).ToTokenizer();

        Assert.Equal([(0, 1), (3, 2)], tokenizer.PreTokenizer!.PreTokenize("a\n\nbc\n"));
        Assert.Equal([(0, 3)], tokenizer.PreTokenizer.PreTokenize("a b"));
    }

    // A limit of tokens cuts before a word that does not fit as a whole.
    [Fact]
    public void EncodeToIds_LimitOfTokens_KeepsWholeWords()
    {
        var tokenizer = new BertTokenizer(Parse(Special + "play\n##ing\n")).ToTokenizer();

        Assert.Equal([5, 6], tokenizer.EncodeToIds("playing playing", 3, out _, out _));
        Assert.Equal([5, 6, 5, 6], tokenizer.EncodeToIds("playing playing", 4, out _, out _));
    }

    [Fact]
    public void EncodeToIds_OneTokenizerOnManyThreads_GivesTheSame()
    {
        using var golden = GoldenTokens.Unpack("roformer.json.gz");
        var tokenizer = new RoFormerTokenizer(Parse(BertLines + AddedLines(golden.RootElement.GetProperty("words"))), JiebaDictionary.Stock).ToTokenizer();
        (string Text, int[] Ids)[] items = [.. golden.RootElement.GetProperty("cases").EnumerateArray().Take(500).Select(static item => (item[0].GetString()!, Ids(item[1])[1..^1]))];

        Parallel.ForEach(items, item => Assert.Equal(item.Ids, tokenizer.EncodeToIds(item.Text)));
    }
}
