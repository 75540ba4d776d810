using System.Text;
using VideoSim.Models.Configuration;
using VideoSim.Models.Recipes;
using VideoSim.Models.Text;
using VideoSim.Models.Zoo;
using Xunit;

namespace VideoSim.Models.Tests.Text;

public sealed class RoFormerTokenizerTests
{
    private const string Title = "今天天气非常好。";

    private static readonly string[] SpecialTokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

    private static RoFormerTokenizer Tokenizer(params string[] pieces) =>
        new(Vocabulary.Parse(Encoding.UTF8.GetBytes(string.Join('\n', SpecialTokens.Concat(pieces))), "pieces"), JiebaDictionary.Stock);

    private static string[] Pieces(RoFormerTokenizer tokenizer, ReadOnlySpan<byte> text, int length = 64)
    {
        int[] ids = new int[length], mask = new int[length];
        int tokens = tokenizer.Encode(text, ids, mask);
        Assert.Equal(Enumerable.Range(0, length).Select(i => i < tokens ? 1 : 0), mask);
        Assert.All(ids[tokens..], id => Assert.Equal(tokenizer.Vocabulary.PadId, id));
        string[] pieces = [.. ids[..tokens].Select(id => tokenizer.Vocabulary[id])];
        Assert.Equal(("[CLS]", "[SEP]"), (pieces[0], pieces[^1]));
        return pieces[1..^1];
    }

    [Theory]
    [InlineData(null)]
    [InlineData(2)]
    [InlineData(9)]
    [InlineData(32)]
    public void Encode_GoldenTexts_EqualHuggingFacesRule(int? length)
    {
        using var golden = GoldenTokens.Unpack("roformer.json.gz");
        byte[] words = Encoding.UTF8.GetBytes(string.Concat(golden.RootElement.GetProperty("words").EnumerateArray().Select(word => "\n" + word.GetString())));
        var tokenizer = new RoFormerTokenizer(Vocabulary.Parse([.. File.ReadAllBytes(GoldenTokens.PathOf("vocab.txt")), .. words], "pieces"), JiebaDictionary.Stock);
        int count = 0;
        foreach (var item in golden.RootElement.GetProperty("cases").EnumerateArray())
        {
            int[] whole = [.. item[1].EnumerateArray().Select(id => id.GetInt32())];
            int[] ids = new int[length ?? whole.Length];
            int tokens = Math.Min(whole.Length, ids.Length);
            int[] expected = [.. whole[..(tokens - 1)], whole[^1], .. Enumerable.Repeat(tokenizer.Vocabulary.PadId, ids.Length - tokens)];

            Assert.Equal(tokens, tokenizer.Encode(Encoding.UTF8.GetBytes(item[0].GetString()!), ids, new int[ids.Length]));

            Assert.True(expected.SequenceEqual(ids), item.GetRawText());
            count++;
        }
        Assert.True(count > 2_200, $"{count} golden texts");
    }

    /// <summary>docs/reference-system.md, section 12, item 2.</summary>
    [Fact]
    public void Encode_PublishedTitle_GivesPublishedPieces()
    {
        Assert.Equal(["今", "天", "天", "气", "非常", "好", "。"], Pieces(Tokenizer("。", "今", "天", "好", "常", "气", "非", "非常"), Encoding.UTF8.GetBytes(Title)));
    }

    [Fact]
    public void Encode_PublishedTitleWithPublishedVocabulary_GivesPublishedPieces()
    {
        string? path = Environment.GetEnvironmentVariable("VIDEOSIM_ROFORMER_VOCAB");
        Assert.SkipUnless(path is not null, "VIDEOSIM_ROFORMER_VOCAB names no vocab.txt of a Chinese RoFormer");
        var tokenizer = new RoFormerTokenizer(Vocabulary.Load(path), JiebaDictionary.Stock);

        Assert.Equal(["今", "天", "天", "气", "非常", "好", "。"], Pieces(tokenizer, Encoding.UTF8.GetBytes(Title)));
    }

    /// <summary>docs/reference-system.md, section 12, item 3.</summary>
    [Fact]
    public void Encode_SpecialTokens_StayWhole()
    {
        var tokenizer = Tokenizer("今", "天", "很", "好", "，", "我", "去", "公园", "玩", "。", "[", "mask", "]");

        Assert.Equal(["今", "天", "[MASK]", "很", "好", "，", "我", "[MASK]", "去", "公园", "玩", "。"], Pieces(tokenizer, "今天[MASK]很好，我[MASK]去公园玩。"u8));
        Assert.Equal(["[", "mask", "]"], Pieces(tokenizer, "[mask]"u8));
    }

    [Fact]
    public void Encode_Text_IsLowerCasedBeforeItsWordsAreFound()
    {
        // The dictionary has the word in capitals only; and a piece is one only as the vocabulary spells it.
        Assert.Equal(["t", "恤"], Pieces(Tokenizer("T恤", "t", "恤"), "T恤"u8));
        Assert.Equal(["é", "e"], Pieces(Tokenizer("é", "e"), "ÉE"u8));
    }

    [Fact]
    public void Encode_IllFormedUtf8_ReadsAsReplacementCharacters()
    {
        byte[] text = [.. "好"u8, 0xFF, 0xE5, 0xA5, .. "天"u8];

        Assert.Equal(["好", "天"], Pieces(Tokenizer("好", "天"), text));
        Assert.Equal(["好", "\ufffd", "\ufffd", "天"], Pieces(Tokenizer("好", "天", "\ufffd"), text));
    }

    [Fact]
    public void ToLower_EveryCodePoint_EqualsPython()
    {
        using var golden = GoldenTokens.Unpack("segments.json.gz");
        var lower = golden.RootElement.GetProperty("lower").EnumerateArray().ToDictionary(item => item[0].GetInt32(),
            item => string.Concat(item[1].EnumerateArray().Select(codePoint => new Rune(codePoint.GetInt32()).ToString())));
        char[] buffer = new char[4];
        for (int codePoint = 0; codePoint <= 0x10FFFF; codePoint++)
        {
            // Letters that Unicode 16 added and that Python did not know yet.
            if (!Rune.IsValid(codePoint) || codePoint is 0x1C89 or 0xA7CB or 0xA7CC or 0xA7DA or 0xA7DC or (>= 0x10D50 and <= 0x10D65)) continue;
            string text = new Rune(codePoint).ToString();
            string lowered = new(buffer, 0, RoFormerTokenizer.ToLower(text, buffer));
            Assert.True(lowered == lower.GetValueOrDefault(codePoint, text), $"U+{codePoint:X4}");
        }
    }

    [Fact]
    public void Encode_SteadyState_AllocatesNothing()
    {
        var tokenizer = Tokenizer("今", "天", "非常");
        byte[][] texts = [.. new[] { Title, "Hello İ World [MASK] 한국어", new string('好', 2000), "a[MASK]" + new string('x', 3000) }.Select(Encoding.UTF8.GetBytes)];
        int[] ids = new int[32], mask = new int[32];
        EncodeAll();
        long before = GC.GetAllocatedBytesForCurrentThread();

        for (int i = 0; i < 100; i++) EncodeAll();

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void EncodeAll()
        {
            foreach (byte[] text in texts) tokenizer.Encode(text, ids, mask);
        }
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(4, 5)]
    public void Encode_RowsThatCannotHoldIt_AreRefused(int ids, int mask)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Tokenizer("a").Encode("a"u8, new int[ids], new int[mask]));
    }

    [Fact]
    public void Create_EveryModel_HasTheTokenizerOfItsEncoder()
    {
        var vocabulary = Tokenizer("a").Vocabulary;
        foreach (string model in ModelZoo.Names)
        {
            var tokenizer = TokenizerFactory.Create(Preset.Load("micro", model, []).Model, vocabulary, dictionary: null);
            bool isRoFormer = ModelZoo.Find(model).Encoder == EncoderConfig.RoFormer;
            Assert.Equal(isRoFormer ? "RoFormerTokenizer" : "BertTokenizer", tokenizer.ClassName);
            Assert.Equal(isRoFormer ? JiebaDictionary.Stock.Sha256 : null, tokenizer.DictionarySha256);
        }
    }
}
