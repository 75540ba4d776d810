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

    // Most messages have a path, some names and a reason. A longer line keeps its begin, and the reason at its end.
    private const int LongestLine = 2000, KeptAtEnd = 600;

    /// <summary>
    /// The text in single quotes, invisible characters and lone surrogates as \uXXXX, cut after 120 characters.
    /// </summary>
    public static string Quote(string text) => $"'{OneLine(text)}'";

    /// <summary>
    /// The text without characters that break a line or change its direction, cut after 120 characters.
    /// </summary>
    public static string OneLine(string text) => Escape(text, LongestShown);

    /// <summary>As <see cref="OneLine"/>, but not cut.</summary>
    public static string Whole(string text) => Escape(text, int.MaxValue);

    /// <summary>As <see cref="Line"/>, but line breaks stay.</summary>
    public static string Lines(string text) => string.Join('\n', text.ReplaceLineEndings("\n").Split('\n').Select(Line));

    /// <summary>
    /// A line for the terminal, such as a message with texts of files in it: as <see cref="Whole"/>, but of more than
    /// 2,000 characters the middle is left out.
    /// </summary>
    public static string Line(string text)
    {
        string line = Whole(text);
        if (line.Length <= LongestLine)
            return line;
        int end = LongestLine - KeptAtEnd, start = line.Length - KeptAtEnd;
        return $"{line[..(char.IsHighSurrogate(line[end - 1]) ? end - 1 : end)]}...{line[(char.IsLowSurrogate(line[start]) ? start + 1 : start)..]}";
    }

    /// <summary>A JSON text on one line, with the same characters in its texts as JSON escapes them.</summary>
    public static string Json(string text)
    {
        var result = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            string letters = rune.ToString();
            if (!MustBeEscaped(rune))
            {
                result.Append(letters);
                continue;
            }
            foreach (char letter in letters)
                result.Append(CultureInfo.InvariantCulture, $"\\u{(int)letter:x4}");
        }
        return result.ToString();
    }

    private static string Escape(string text, int longest)
    {
        // Readers quote each name that they read, in case that something is wrong with it.
        if (text.Length <= longest && !text.AsSpan().ContainsAnyExceptInRange(' ', '~'))
            return text;
        var result = new StringBuilder();
        foreach (var rune in text.EnumerateRunes())
        {
            if (result.Length >= longest)
                return result.Append("...").ToString();
            if (MustBeEscaped(rune))
                result.Append(rune.IsBmp ? "\\u" : "\\U").Append(rune.Value.ToString(rune.IsBmp ? "x4" : "x8", CultureInfo.InvariantCulture));
            else
                result.Append(rune.ToString());
        }
        return result.ToString();
    }

    private static bool MustBeEscaped(Rune rune) => Rune.IsControl(rune) || rune == Rune.ReplacementChar || rune.Value is 0x2028 or 0x2029 || IsInvisible(rune);

    // Format characters, such as those after which a terminal shows a line from right to left, and code points that
    // are no characters. The joiners stay, because letters and emoji need them.
    private static bool IsInvisible(Rune rune) => (Rune.GetUnicodeCategory(rune) == UnicodeCategory.Format && rune.Value is not (0x200C or 0x200D))
        || rune.Value is (>= 0xFDD0 and <= 0xFDEF) || (rune.Value & 0xFFFE) == 0xFFFE;
}
