using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using CsCheck;
using VideoSim.Models.Text;
using Xunit;

namespace VideoSim.Models.Tests.Text;

public sealed class BertTokenizerTests
{
    private const string Title = "英雄联盟：8年未曾拿过五杀，电脑都看不下去，直接接管了！";

    private static readonly int[] TitleIds =
    [
        101, 5739, 7413, 5468, 4673, 8038, 129, 2399, 3313, 3295, 2897, 6814, 758, 3324, 8024, 4510,
        5554, 6963, 4692, 679, 678, 1343, 8024, 4684, 2970, 2970, 5052, 749, 8013, 102, 0, 0,
    ];

    private static readonly BertTokenizer Tokenizer = new(Vocabulary.Load(GoldenTokens.PathOf("vocab.txt")));

    private static (int[] Ids, int[] Mask) Encode(BertTokenizer tokenizer, string text, int length)
    {
        int[] ids = new int[length], mask = new int[length];
        int tokens = tokenizer.Encode(text, ids, mask);
        Assert.Equal(tokens, mask.Sum());
        return (ids, mask);
    }

    [Fact]
    public void Encode_GoldenStrings_EqualHuggingFace()
    {
        using var golden = JsonDocument.Parse(File.ReadAllBytes(GoldenTokens.PathOf("golden.json")));
        int count = 0;
        foreach (var item in golden.RootElement.GetProperty("cases").EnumerateArray())
        {
            string text = item[0].GetString()!;
            int[] expected = [.. item[1].EnumerateArray().Select(id => id.GetInt32())];
            Assert.True(expected.SequenceEqual(Encode(Tokenizer, text, expected.Length).Ids), item.GetRawText());
            count++;
        }
        Assert.True(count > 3_060, $"{count} golden strings");
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(9)]
    [InlineData(32)]
    [InlineData(400)]
    public void Encode_RowOfOtherLength_IsCutOnTheRightOrPadded(int length)
    {
        using var golden = JsonDocument.Parse(File.ReadAllBytes(GoldenTokens.PathOf("golden.json")));
        foreach (var item in golden.RootElement.GetProperty("cases").EnumerateArray())
        {
            int[] whole = [.. item[1].EnumerateArray().Select(id => id.GetInt32())];
            int tokens = Math.Min(whole.Length, length);
            int[] expected = [.. whole[..(tokens - 1)], whole[^1], .. Enumerable.Repeat(Tokenizer.Vocabulary.PadId, length - tokens)];

            (int[] ids, int[] mask) = Encode(Tokenizer, item[0].GetString()!, length);

            Assert.Equal(expected, ids);
            Assert.Equal(Enumerable.Range(0, length).Select(i => i < tokens ? 1 : 0), mask);
        }
    }

    [Fact]
    public void Words_EveryCodePointBetweenLetters_EqualHuggingFace()
    {
        using var golden = JsonDocument.Parse(File.ReadAllBytes(GoldenTokens.PathOf("characters.json")));
        int blockSize = golden.RootElement.GetProperty("blockSize").GetInt32();
        foreach (var block in golden.RootElement.GetProperty("blocks").EnumerateObject())
        {
            int first = int.Parse(block.Name, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            var lines = new StringBuilder();
            for (int codePoint = first; codePoint < first + blockSize; codePoint++)
            {
                if (Rune.IsValid(codePoint))
                    lines.Append(CultureInfo.InvariantCulture, $"{codePoint:x}:{string.Join('|', Words($"a{new Rune(codePoint)}b"))}\n");
            }
            string digest = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(lines.ToString())));
            Assert.True(digest.StartsWith(block.Value.GetString()!, StringComparison.Ordinal), $"a code point from U+{block.Name} on differs");
        }
    }

    private static List<string> Words(string text)
    {
        var words = new BertWords(text, new char[BertWords.BufferLength]);
        var list = new List<string>();
        while (words.MoveNext()) list.Add(words.Current.ToString());
        return list;
    }

    /// <summary>docs/reference-system.md, section 12, item 1.</summary>
    [Fact]
    public void Encode_PublishedTitle_GivesPublishedIds()
    {
        string[] pieces = new string[21128];
        for (int id = 0; id < pieces.Length; id++) pieces[id] = $"[unused{id}]";
        (pieces[0], pieces[100], pieces[101], pieces[102], pieces[103]) = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]");
        for (int i = 0; i < Title.Length; i++) pieces[TitleIds[i + 1]] = Title[i].ToString();

        AssertPublishedIds(Vocabulary.Parse(Encoding.UTF8.GetBytes(string.Join('\n', pieces)), "pieces of the title"));
    }

    [Fact]
    public void Encode_PublishedTitleWithPublishedVocabulary_GivesPublishedIds()
    {
        string? path = Environment.GetEnvironmentVariable("VIDEOSIM_BERT_VOCAB");
        Assert.SkipUnless(path is not null, "VIDEOSIM_BERT_VOCAB names no vocab.txt of a Chinese BERT");

        AssertPublishedIds(Vocabulary.Load(path));
    }

    private static void AssertPublishedIds(Vocabulary vocabulary)
    {
        (int[] ids, int[] mask) = Encode(new BertTokenizer(vocabulary), Title, 32);

        Assert.Equal(TitleIds, ids);
        Assert.Equal([.. Enumerable.Repeat(1, 30), 0, 0], mask);
    }

    [Fact]
    public void Encode_AnyText_Utf8AndUtf16GiveTheSame()
    {
        Gen.String[0, 600].Sample(text =>
        {
            int[] ids = new int[32], mask = new int[32];
            Tokenizer.Encode(Encoding.UTF8.GetBytes(text), ids, mask);
            Assert.Equal(ids, Encode(Tokenizer, text, 32).Ids);
        }, iter: 500);
    }

    [Fact]
    public void Encode_IllFormedUtf8_IsPassedOver()
    {
        int[] ids = new int[8], mask = new int[8];
        byte[] text = [.. "好"u8, 0xFF, 0xE5, 0xA5, (byte)'[', .. "CLS]a"u8, 0xF0, 0x9F];

        Tokenizer.Encode(text, ids, mask);

        Assert.Equal(Encode(Tokenizer, "好[CLS]a", 8).Ids, ids);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(0, 0)]
    [InlineData(4, 5)]
    public void Encode_RowsThatCannotHoldIt_AreRefused(int ids, int mask)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Tokenizer.Encode("a", new int[ids], new int[mask]));
    }

    [Fact]
    public void Encode_SteadyState_AllocatesNothing()
    {
        string[] texts = [Title, "Hello İ World [MASK] 한국어", new string('好', 2000)];
        byte[][] bytes = [.. texts.Select(Encoding.UTF8.GetBytes)];
        int[] ids = new int[32], mask = new int[32];
        EncodeAll();
        long before = GC.GetAllocatedBytesForCurrentThread();

        for (int i = 0; i < 100; i++) EncodeAll();

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void EncodeAll()
        {
            foreach (string text in texts) Tokenizer.Encode(text, ids, mask);
            foreach (byte[] text in bytes) Tokenizer.Encode(text, ids, mask);
        }
    }
}
