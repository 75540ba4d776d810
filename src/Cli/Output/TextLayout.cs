using Spectre.Console;

namespace VideoSim.Cli.Output;

/// <summary>Breaks text into the lines of a terminal. Chinese characters take two columns.</summary>
internal static class TextLayout
{
    /// <summary>
    /// The text in lines of at most so many columns, broken at blanks. A longer word stays whole, so that a path can
    /// be copied.
    /// </summary>
    public static IEnumerable<string> Wrap(string text, int columns)
    {
        string line = "";
        foreach (string word in text.Split(' '))
        {
            string longer = line.Length == 0 ? word : $"{line} {word}";
            if (line.Length > 0 && longer.GetCellWidth() > columns)
            {
                yield return line;
                line = word;
            }
            else
            {
                line = longer;
            }
        }
        yield return line;
    }

    /// <summary>As much of the text as fits into so many columns.</summary>
    public static string Cut(string text, int columns)
    {
        int used = 0;
        for (int i = 0; i < text.Length; i++)
        {
            used += text[i].GetCellWidth();
            if (used > columns)
                return text[..i];
        }
        return text;
    }
}
