using VideoSim.Engine.Serialization;
using Xunit;

namespace VideoSim.Engine.Tests.Serialization;

public sealed class PrintableTests
{
    // The order: direction, invisible, tag, line, control. A joiner stays: it is a part of emojis and of words.
    [Theory]
    [InlineData("a\u202Eb", "a\\u202eb")]
    [InlineData("a\u200Bb\uFEFF\u00AD", "a\\u200bb\\ufeff\\u00ad")]
    [InlineData("\U000E0041", "\\ue0041")]
    [InlineData("a\u2028b\u001B[31m", "a\\u2028b\\u001b[31m")]
    [InlineData("\U0001F469\u200D\U0001F4BB 猫", "\U0001F469\u200D\U0001F4BB 猫")]
    public void Whole_CharactersThatCannotBeSeen_AreEscaped(string text, string shown) => Assert.Equal(shown, Printable.Whole(text));

    [Fact]
    public void Lines_SeveralLines_StaySeveral() => Assert.Equal("a\nb\\u202e\n", Printable.Lines("a\r\nb\u202E\n"));
}
