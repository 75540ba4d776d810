using System.Text;

namespace VideoSim.Fuzz;

/// <summary>The lines of a text file, split by other means than those of the program.</summary>
internal static class PlainLines
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    /// <summary>
    /// The lines without a byte order mark at the beginning of the file, blanks at their ends, and empty lines at the
    /// end.
    /// </summary>
    /// <param name="bytes">The file, which a reader took.</param>
    /// <param name="blanks">Characters that do not count at the end of a line.</param>
    public static List<string> Of(byte[] bytes, string blanks = " \t\r")
    {
        string text;
        try
        {
            text = Strict.GetString(bytes);
        }
        catch (DecoderFallbackException e)
        {
            throw new WrongValueException("a text that is not UTF-8 was taken", e.Message);
        }
        var lines = (text.StartsWith('\uFEFF') ? text[1..] : text).Split('\n').Select(line => line.TrimEnd(blanks.ToCharArray())).ToList();
        while (lines.Count > 0 && lines[^1].Length == 0)
            lines.RemoveAt(lines.Count - 1);
        return lines;
    }
}
