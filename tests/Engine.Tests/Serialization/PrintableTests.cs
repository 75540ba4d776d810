using VideoSim.Engine.Serialization;
using Xunit;

namespace VideoSim.Engine.Tests.Serialization;

public sealed class PrintableTests
{
    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("日本\U0001F600\u200D", "日本\U0001F600\u200D")] // a joiner is part of words and emoji
    [InlineData("\u001b[2J\u0007\0\u0085", "\\u001b[2J\\u0007\\u0000\\u0085")]
    [InlineData("a\nb\rc\u2028d", "a\\u000ab\\u000dc\\u2028d")]
    [InlineData("\u202eevil\u200b\ufeff", "\\u202eevil\\u200b\\ufeff")]
    public void Whole_CharactersThatDoNotShow_AreEscaped(string text, string expected) => Assert.Equal(expected, Printable.Whole(text));

    [Theory]
    [InlineData("{\"日本\": \"x\"}", "{\"日本\": \"x\"}")]
    [InlineData("\u202e\U000E0001", "\\u202e\\udb40\\udc01")]
    public void Json_CharactersThatDoNotShow_AreEscapedAsJsonDoes(string text, string expected) => Assert.Equal(expected, Printable.Json(text));

    [Fact]
    public void OneLine_LongText_IsCutAtItsEnd() => Assert.Equal(new string('x', 120) + "...", Printable.OneLine(new string('x', 121)));

    [Fact]
    public void Line_LongText_LosesItsMiddle()
    {
        Assert.Equal(new string('x', 2000), Printable.Line(new string('x', 2000)));
        Assert.Equal($"{new string('a', 1400)}...{new string('b', 600)}", Printable.Line(new string('a', 1500) + new string('b', 1500)));
        // Half of a character is not shown.
        Assert.Equal($"{new string('a', 1399)}...{new string('b', 599)}", Printable.Line(new string('a', 1399) + "\U0001F600" + new string('x', 100) + "\U0001F600" + new string('b', 599)));
    }

    [Fact]
    public void Lines_Breaks_Stay() => Assert.Equal("a\nb\\u0001\nc", Printable.Lines("a\r\nb\u0001\nc"));
}
