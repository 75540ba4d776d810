using System.Security.Cryptography;
using System.Text;
using VideoSim.Engine;
using VideoSim.Models.Text;
using Xunit;

namespace VideoSim.Models.Tests.Text;

public sealed class VocabularyTests
{
    private const string Special = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";

    private static Vocabulary Parse(string content) => Vocabulary.Parse(Encoding.UTF8.GetBytes(content), "vocab.txt");

    [Theory]
    [InlineData(Special + "a\n##a\n好", 8)]
    [InlineData(Special + "a\n##a\n好\n", 8)]
    [InlineData(Special + "a\n\u2028\n\u0085\n##\u2029\n\v\n\u3000\n\u00A0b\n##", 13)]
    public void Parse_AnyFile_GivesLineNumbersAsIds(string content, int count)
    {
        var vocabulary = Parse(content);

        string[] pieces = content.TrimEnd('\n').Split('\n');
        Assert.Equal(count, vocabulary.Count);
        for (int id = 0; id < count; id++)
        {
            Assert.Equal(pieces[id], vocabulary[id]);
            Assert.True(vocabulary.TryGetId(pieces[id], out int found));
            Assert.Equal(id, found);
        }
        Assert.False(vocabulary.TryGetId("b", out _));
        Assert.False(vocabulary.TryGetId("##b", out _));
        Assert.False(vocabulary.TryGetId("", out _));
    }

    [Fact]
    public void Parse_MorePiecesThanAWordTableHas_IsRefused()
    {
        byte[] content = Encoding.UTF8.GetBytes(Special + string.Concat(Enumerable.Repeat("a\n", Vocabulary.MostPieces - 4)));
        Assert.Equal("vocab.txt: has more than 1048576 pieces", Assert.Throws<DataException>(() => Vocabulary.Parse(content, "vocab.txt")).Message);
    }

    [Fact]
    public void Parse_SpecialTokensAnywhere_AreFound()
    {
        var vocabulary = Parse("a\n[MASK]\n[SEP]\n[CLS]\n[UNK]\n[PAD]");

        Assert.Equal((5, 4, 3, 2, 1), (vocabulary.PadId, vocabulary.UnknownId, vocabulary.ClassId, vocabulary.SeparatorId, vocabulary.MaskId));
    }

    // Hugging Face's tokenizers do the same.
    [Fact]
    public void Parse_LineTwice_TheLastHasTheIdAndAllCount()
    {
        var vocabulary = Parse(Special + "a\n##a\n[MASK]\na\n##a\na\n");

        Assert.Equal(11, vocabulary.Count);
        Assert.Equal((true, 10), (vocabulary.TryGetId("a", out int id), id));
        Assert.Equal((true, 9), (vocabulary.TryGetId("##a", out id), id));
        Assert.Equal((7, "[MASK]", "a"), (vocabulary.MaskId, vocabulary[4], vocabulary[5]));
        Assert.Equal(Special + "a\n##a\n[MASK]\na\n##a\na\n", Encoding.UTF8.GetString(vocabulary.ToFile()));
    }

    // What other systems add to text files is no part of a piece.
    [Theory]
    [InlineData("\uFEFF[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n")]
    [InlineData("[PAD]\r\n[UNK]\r\n[CLS]\r\n[SEP]\r\n[MASK]\r\n")]
    [InlineData("[PAD] \n[UNK]\t\n[CLS] \t \n[SEP]\n[MASK]")]
    [InlineData("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n\n \r\n\t\n")]
    public void Parse_MarkBlanksAndLineEnds_DoNotMatter(string content)
    {
        Assert.Equal(Special, Encoding.UTF8.GetString(Parse(content).ToFile()));
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Special))), Parse(content).Sha256);
    }

    [Theory]
    [InlineData(Special + "a\n\nb\n", "vocab.txt line 7: the piece is empty")]
    [InlineData(Special + " \r\nb\n", "vocab.txt line 6: the piece is empty")]
    [InlineData("", "vocab.txt: the special token [PAD] is missing")]
    [InlineData("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[mask]\n", "vocab.txt: the special token [MASK] is missing")]
    [InlineData("a\n", "vocab.txt: the special token [PAD] is missing")]
    public void Parse_BadFile_IsRefusedWithFileAndLine(string content, string message)
    {
        Assert.Equal(message, Assert.Throws<DataException>(() => Parse(content)).Message);
    }

    [Theory]
    [InlineData("好\n##好\nhello\n##ing\n", false)]
    [InlineData("你好\n", true)]
    public void HasChineseWords_OnlyWhereAPieceHasSeveralCharacters_IsTrue(string pieces, bool expected) => Assert.Equal(expected, Parse(Special + pieces).HasChineseWords);

    [Fact]
    public void Parse_InvalidUtf8_IsRefusedWithFileAndLine()
    {
        byte[] content = [.. "[PAD]\nx"u8, 0xC3, (byte)'\n', .. "y\n"u8];

        Assert.Equal("v: line 2 is not valid UTF-8", Assert.Throws<DataException>(() => Vocabulary.Parse(content, "v")).Message);
    }

    [Fact]
    public void Load_MissingFile_IsRefusedWithItsPath()
    {
        string path = Path.Combine(AppContext.BaseDirectory, "no-such-folder", "vocab.txt");

        Assert.StartsWith($"{path}: cannot be read: ", Assert.Throws<DataException>(() => Vocabulary.Load(path)).Message, StringComparison.Ordinal);
    }
}
