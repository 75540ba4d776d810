namespace VideoSim.Models.Reports;

/// <summary>Shortens labels of a chart, so that those with a common beginning can be told apart.</summary>
internal static class ChartLabels
{
    private const int Longest = 16, Kept = 3;

    /// <summary>The text to draw for each label.</summary>
    /// <param name="labels">The labels; equal ones have the same text.</param>
    public static IReadOnlyDictionary<string, string> Shorten(IReadOnlyCollection<string> labels)
    {
        string[] all = [.. labels.Distinct()];
        int common = all.Length < 2 || all.All(static label => label.Length <= Longest) ? 0 : all.Min(label => CommonLength(label, all[0], all));
        // A few letters stay, so that a label is not only the number at its end.
        int cut = common - Kept;
        if (cut > 0 && char.IsLowSurrogate(all[0][cut]))
            cut--;
        return all.ToDictionary(static label => label, label => cut > 1 ? $"…{label[cut..]}" : label);
    }

    // Letters that a label shares with the first one; those of the first count up to its end.
    private static int CommonLength(string label, string first, string[] all) =>
        label == first ? all.Min(static other => other.Length) : label.AsSpan().CommonPrefixLength(first);
}
