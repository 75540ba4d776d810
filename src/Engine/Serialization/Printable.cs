using System.Globalization;
using System.Text;

namespace VideoSim.Engine.Serialization;

/// <summary>
/// Makes text from outside safe for a message of one line: it is shortened and cannot break the line.
/// </summary>
public static class Printable
{
    // Longer than every tensor name and record id seen so far.
    private const int LongestShown = 120;
    private const int ZeroWidthNonJoiner = 0x200C, ZeroWidthJoiner = 0x200D;

    /// <summary>
    /// The text in single quotes, control and format characters and lone surrogates as \uXXXX, cut after 120 characters.
    /// </summary>
    public static string Quote(string text) => $"'{OneLine(text)}'";

    /// <summary>
    /// The text without characters that break a line or change its direction, cut after 120 characters.
    /// </summary>
    public static string OneLine(string text) => Escape(text, LongestShown);

    /// <summary>As <see cref="Whole"/>, but line breaks stay.</summary>
    public static string Lines(string text) => string.Join('\n', text.ReplaceLineEndings("\n").Split('\n').Select(Whole));

    /// <summary>As <see cref="OneLine"/>, but not cut.</summary>
    public static string Whole(string text) => Escape(text, int.MaxValue);

    private static string Escape(string text, int longest)
    {
        var result = new StringBuilder();
        foreach (var rune in text.EnumerateRunes())
        {
            if (result.Length >= longest)
                return result.Append("...").ToString();
            if (IsUnsafe(rune))
                result.Append(CultureInfo.InvariantCulture, $"\\u{rune.Value:x4}");
            else
                result.Append(rune.ToString());
        }
        return result.ToString();
    }

    // Characters that break a line, show the rest of it from right to left, or cannot be seen. Joiners are part of words
    // and of emojis.
    private static bool IsUnsafe(Rune rune) => rune == Rune.ReplacementChar || Rune.GetUnicodeCategory(rune) switch
    {
        UnicodeCategory.Control or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator => true,
        UnicodeCategory.Format => rune.Value is not (ZeroWidthNonJoiner or ZeroWidthJoiner),
        _ => false,
    };
}
