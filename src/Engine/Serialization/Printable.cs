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

    /// <summary>
    /// The text in single quotes, control characters and lone surrogates as \uXXXX, cut after 120 characters.
    /// </summary>
    public static string Quote(string text) => $"'{OneLine(text)}'";

    /// <summary>
    /// The text without characters that break a line or change its direction, cut after 120 characters.
    /// </summary>
    public static string OneLine(string text) => Escape(text, LongestShown);

    /// <summary>As <see cref="OneLine"/>, but not cut.</summary>
    public static string Whole(string text) => Escape(text, int.MaxValue);

    private static string Escape(string text, int longest)
    {
        var result = new StringBuilder();
        foreach (var rune in text.EnumerateRunes())
        {
            if (result.Length >= longest)
                return result.Append("...").ToString();
            if (Rune.IsControl(rune) || rune == Rune.ReplacementChar || rune.Value is 0x2028 or 0x2029 || ChangesDirection(rune))
                result.Append(CultureInfo.InvariantCulture, $"\\u{rune.Value:x4}");
            else
                result.Append(rune.ToString());
        }
        return result.ToString();
    }

    // After such a character a terminal may show the rest of the line from right to left.
    private static bool ChangesDirection(Rune rune) => rune.Value is 0x061C or 0x200E or 0x200F or (>= 0x202A and <= 0x202E) or (>= 0x2066 and <= 0x2069);
}
