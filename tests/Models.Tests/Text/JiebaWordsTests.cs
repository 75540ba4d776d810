using CsCheck;
using VideoSim.Models.Text;
using Xunit;

namespace VideoSim.Models.Tests.Text;

public sealed class JiebaWordsTests
{
    private static string[] Cut(JiebaDictionary dictionary, string text)
    {
        var words = new JiebaWords(dictionary, text, new JiebaWords.Way[text.Length + 1]);
        var list = new List<string>();
        while (words.MoveNext()) list.Add(words.Current.ToString());
        return [.. list];
    }

    [Theory]
    [InlineData("stock", 6_500)]
    [InlineData("small", 1_000)]
    public void MoveNext_GoldenSentences_EqualJieba(string part, int atLeast)
    {
        var dictionary = part == "stock" ? JiebaDictionary.Stock : JiebaDictionary.Load(GoldenTokens.PathOf("jieba-dict-small.txt"));
        using var golden = GoldenTokens.Unpack("segments.json.gz");
        int count = 0;
        foreach (var item in golden.RootElement.GetProperty(part).EnumerateArray())
        {
            string[] expected = [.. item.EnumerateArray().Select(word => word.GetString()!)];
            Assert.True(expected.SequenceEqual(Cut(dictionary, string.Concat(expected))), item.GetRawText());
            count++;
        }
        Assert.True(count >= atLeast, $"{count} golden sentences");
    }

    [Fact]
    public void MoveNext_TwoWaysOfTheSameProbability_TakesTheLongerWordFirst()
    {
        var dictionary = JiebaDictionary.Parse("甲 1\n甲乙 1\n乙丙 1\n丙 1\n"u8, "four words");

        Assert.Equal(["甲乙", "丙"], Cut(dictionary, "甲乙丙"));
    }

    [Fact]
    public void MoveNext_BeginningOfAWordThatIsNone_CountsLikeAnUnknownCharacter()
    {
        var dictionary = JiebaDictionary.Parse("甲乙丙 5\n丁 5\n"u8, "two words");

        Assert.Equal(["甲", "乙", "丁", "甲乙丙", "戊"], Cut(dictionary, "甲乙丁甲乙丙戊"));
    }

    [Fact]
    public void MoveNext_SpecialToken_IsOneWord()
    {
        Assert.Equal(["今天", "[MASK]", "很", "好", "[", "mask", "]"], Cut(JiebaDictionary.Stock, "今天[MASK]很好[mask]"));
    }

    [Fact]
    public void MoveNext_AnyText_WordsMakeItUp()
    {
        Gen.String[0, 200].Sample(text => Assert.Equal(text, string.Concat(Cut(JiebaDictionary.Stock, text))), iter: 1000);
    }

    [Fact]
    public void MoveNext_OneDictionaryOnManyThreads_GivesTheSame()
    {
        using var golden = GoldenTokens.Unpack("segments.json.gz");
        string[][] sentences = [.. golden.RootElement.GetProperty("stock").EnumerateArray().Take(500)
            .Select(item => item.EnumerateArray().Select(word => word.GetString()!).ToArray())];

        Parallel.ForEach(sentences, words => Assert.Equal(words, Cut(JiebaDictionary.Stock, string.Concat(words))));
    }
}
