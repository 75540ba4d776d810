using System.Text;
using System.Text.RegularExpressions;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Tables.Pages;

/// <summary>What a page has between the lines of two marks.</summary>
/// <param name="Folder">The folder of its results, from the root of the repository.</param>
/// <param name="Name">Which figures they are.</param>
/// <param name="Text">The lines between the marks.</param>
public sealed record MarkedPart(string Folder, string Name, string Text);

/// <summary>
/// A page with parts that are made from results: each lies between the lines <c>&lt;!-- from FOLDER: NAME --&gt;</c>
/// and <c>&lt;!-- end --&gt;</c>.
/// </summary>
public static partial class MarkedPage
{
    private const string End = "<!-- end -->";

    /// <summary>Makes parts of a page anew; what lies outside of them stays.</summary>
    /// <param name="path">Name of the page, for messages.</param>
    /// <param name="page">Its text.</param>
    /// <param name="make">Gives the new part for the one that is there.</param>
    /// <exception cref="DataException">
    /// A mark has no end, or an end has no mark; the message names the line.
    /// </exception>
    public static string Rewrite(string path, string page, Func<MarkedPart, MarkedPart> make)
    {
        var result = new StringBuilder();
        string[] lines = page.Split('\n');
        for (int i = 0; i < lines.Length; i++)
        {
            var mark = Begin().Match(lines[i]);
            if (lines[i] == End)
                throw new DataException($"{path}:{i + 1}: {End} has no mark before it");
            if (mark.Success)
            {
                int end = Array.FindIndex(lines, i + 1, static line => line == End || Begin().IsMatch(line));
                if (end < 0 || lines[end] != End)
                    throw new DataException($"{path}:{i + 1}: {Printable.OneLine(lines[i])} has no {End}");
                var part = make(new MarkedPart(mark.Groups[1].Value, mark.Groups[2].Value, string.Join('\n', lines[(i + 1)..end])));
                result.Append(string.Concat("<!-- from ", part.Folder, ": ", part.Name, " -->\n", part.Text, "\n"));
                i = end;
            }
            result.Append(lines[i]).Append(i < lines.Length - 1 ? "\n" : "");
        }
        return result.ToString();
    }

    [GeneratedRegex("^<!-- from (.+): ([a-z0-9 -]+) -->$")]
    private static partial Regex Begin();
}
