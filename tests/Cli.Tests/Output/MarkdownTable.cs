using System.Globalization;

namespace VideoSim.Cli.Tests.Output;

/// <summary>A table as a command printed it.</summary>
/// <param name="Headers">Names of the columns.</param>
/// <param name="Rows">Cells of the rows below.</param>
internal sealed record MarkdownTable(string[] Headers, string[][] Rows)
{
    internal static MarkdownTable Parse(string output)
    {
        string[][] lines = [.. output.Split('\n').Where(static line => line.StartsWith('|')).Select(static line => line[1..^1].Split('|', StringSplitOptions.TrimEntries))];
        return new MarkdownTable(lines[0], lines[2..]); // a rule stands between
    }

    /// <summary>All tables that a command printed, an empty line between them.</summary>
    internal static MarkdownTable[] ParseAll(string output) => [.. output.Split("\n\n").Select(Parse)];

    internal static double Number(string cell) => double.Parse(cell, NumberStyles.Number, CultureInfo.InvariantCulture);
}
