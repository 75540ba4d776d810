using System.Text;
using VideoSim.Engine;
using VideoSim.Models.Text;
using Xunit;

namespace VideoSim.Models.Tests.Text;

public sealed class JiebaDictionaryTests
{
    private static JiebaDictionary Parse(string content) => JiebaDictionary.Parse(Encoding.UTF8.GetBytes(content), "words.txt");

    private static double Score(JiebaDictionary dictionary, string word)
    {
        int prefix = PrefixTable.Root;
        foreach (char c in word)
        {
            prefix = dictionary.Extend(prefix, c);
            if (prefix == PrefixTable.NotFound) return double.NegativeInfinity;
        }
        return dictionary.Score(prefix);
    }

    [Fact]
    public void Stock_IsTheFileOfJieba()
    {
        Assert.Equal("7197c3211ddd98962b036cdf40324d1ea2bfaa12bd028e68faa70111a88e12a8", JiebaDictionary.Stock.Sha256);
    }

    [Fact]
    public void Parse_Words_HaveTheLogarithmOfTheirShare()
    {
        var dictionary = Parse("甲 3 n\n甲乙丙 1\n丁 0 x y\n");

        Assert.Equal(Math.Log(3) - Math.Log(4), Score(dictionary, "甲"));
        Assert.Equal(Math.Log(1) - Math.Log(4), Score(dictionary, "甲乙丙"));
        Assert.Equal(-Math.Log(4), dictionary.UnknownScore);
        Assert.Equal(double.NaN, Score(dictionary, "甲乙"));
        Assert.Equal(double.NaN, Score(dictionary, "丁"));
        Assert.Equal(double.NegativeInfinity, Score(dictionary, "乙"));
        Assert.Equal(double.NegativeInfinity, Score(dictionary, "甲乙丙丁"));
    }

    [Fact]
    public void Parse_WordTwice_TheLastCountsAndBothAreInTheSum()
    {
        Assert.Equal(Math.Log(5) - Math.Log(8), Score(Parse("甲 3\n甲 5\n"), "甲"));
    }

    [Theory]
    [InlineData("甲 3 n\r\n乙 1\r\n")]
    [InlineData("甲 3 n\n乙 1")]
    [InlineData(" 甲 3 \n\t乙 1\t\n")]
    [InlineData("\uFEFF甲 3 n\n乙 1\n\n \n")]
    public void Parse_BlanksAndLineEnds_DoNotMatter(string content)
    {
        Assert.Equal((Math.Log(3) - Math.Log(4), Math.Log(1) - Math.Log(4)), (Score(Parse(content), "甲"), Score(Parse(content), "乙")));
    }

    [Theory]
    [InlineData("甲 3\n乙\n", 2)]
    [InlineData("甲 3\n\n乙 1\n", 2)]
    [InlineData("甲 3\n乙 n 1\n", 2)]
    [InlineData("甲 3\n乙 1\n丙  1\n", 3)]
    [InlineData("甲 3\n乙 -1\n", 2)]
    [InlineData("甲 1.5\n", 1)]
    [InlineData("甲 99999999999999999999\n", 1)]
    [InlineData("甲\t3\n", 1)]
    [InlineData("3\n", 1)]
    public void Parse_BadLine_IsNamed(string content, int line)
    {
        Assert.Equal($"words.txt line {line}: expected a word, a space and a count", Assert.Throws<DataException>(() => Parse(content)).Message);
    }

    // Python counts without a limit.
    // Single characters whose places in the table of prefixes are all next to each other.
    [Fact]
    public void Parse_WordsThatMakeTheTableSlow_AreRefused()
    {
        uint[] places = [.. Enumerable.Range(0x10000, 0x100000).Select(static character => (uint)((ulong)character * 0x9E3779B97F4A7C15 >> 32) & 0xffff)];
        string[] words = [.. Enumerable.Range(0, places.Length).Where(i => places[i] < 0x400).Select(static i => char.ConvertFromUtf32(0x10000 + i))];
        Assert.InRange(words.Length, 10_000, 30_000);
        Assert.Contains("or words that are chosen to make the dictionary slow", Assert.Throws<DataException>(() => Parse(string.Concat(words.Select(static word => $"{word} 1\n")))).Message, StringComparison.Ordinal);
        Assert.Equal(Math.Log(1) - Math.Log(3), Score(Parse("甲 1\n乙 1\n丙 1\n"), "甲"));
    }

    [Fact]
    public void Parse_CountsBeyond32Bits_AreTaken()
    {
        Assert.Equal(Math.Log(5_000_000_000) - Math.Log(8_000_000_000), Score(Parse("甲 5000000000 n\n乙 3000000000\n"), "甲"));
        Assert.Equal($"words.txt line 2: the sum of the counts up to this line exceeds {long.MaxValue}",
            Assert.Throws<DataException>(() => Parse($"甲 {long.MaxValue}\n乙 1\n")).Message);
    }

    [Fact]
    public void Parse_NotUtf8_NamesTheLine()
    {
        byte[] content = [.. "甲 3\n"u8, 0xD2, 0xD2, .. " 3\n"u8];
        Assert.Equal("words.txt: line 2 is not valid UTF-8", Assert.Throws<DataException>(() => JiebaDictionary.Parse(content, "words.txt")).Message);
    }

    [Fact]
    public void Parse_NoCountAboveZero_IsRefused()
    {
        Assert.Equal("words.txt: no word has a count above 0", Assert.Throws<DataException>(() => Parse("")).Message);
        Assert.Equal("words.txt: no word has a count above 0", Assert.Throws<DataException>(() => Parse("甲 0\n")).Message);
    }

    [Fact]
    public void Load_NoFile_IsNamed()
    {
        string path = Path.Combine(AppContext.BaseDirectory, "no-such-dictionary.txt");
        Assert.Contains(path, Assert.Throws<DataException>(() => JiebaDictionary.Load(path)).Message, StringComparison.Ordinal);
    }
}
