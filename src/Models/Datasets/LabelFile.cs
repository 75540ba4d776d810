using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Progress;

namespace VideoSim.Models.Datasets;

/// <summary>One labelled pair.</summary>
/// <param name="Left">
/// Number of the first video in its dataset or table; <see cref="Skipped"/> if its record was skipped.
/// </param>
/// <param name="Right">Number of the second video, or <see cref="Skipped"/>.</param>
/// <param name="TargetSimilarity">Similarity given by annotators, in [0, 1].</param>
public readonly record struct VideoPair(int Left, int Right, float TargetSimilarity)
{
    /// <summary>The number of a video whose record was skipped.</summary>
    public const int Skipped = -1;

    /// <summary>Whether neither video was skipped.</summary>
    public bool IsComplete => Left != Skipped && Right != Skipped;
}

/// <summary>Finds a video by its id, like <see cref="IVideoDataset.TryFind"/>.</summary>
public delegate bool VideoLookup(ReadOnlySpan<byte> id, out int video);

/// <summary>
/// Reads label.tsv. Each line has left id, right id and similarity, separated by tabs, or by spaces if it has no tab.
/// </summary>
public static class LabelFile
{
    private const int NamedLines = 20;

    private static readonly FileLimit Limit = new("a label file", 500); // of 10 million pairs

    /// <summary>Reads all pairs, in the order of the lines.</summary>
    /// <param name="path">The file.</param>
    /// <param name="lookup">Finds the videos.</param>
    /// <exception cref="DataException">
    /// The file cannot be read or is empty, or a line does not have three fields, or has an unknown id or a similarity
    /// outside [0, 1].
    /// </exception>
    public static VideoPair[] Read(string path, VideoLookup lookup)
    {
        var pairs = new List<VideoPair>();
        ReadLines(path, lookup, (_, pair) => pairs.Add(pair), (number, reason) => throw new DataException($"{path}: line {number}: {reason}"));
        return pairs.Count > 0 ? [.. pairs] : throw new DataException($"{path}: the label file is empty");
    }

    /// <summary>Reads all pairs. The videos are numbered in the order of their first lines.</summary>
    /// <inheritdoc cref="Read(string, VideoLookup)"/>
    public static VideoPair[] Read(string path)
    {
        var numbers = new Dictionary<string, int>();
        return Read(path, (ReadOnlySpan<byte> id, out int number) =>
        {
            string name = Encoding.UTF8.GetString(id);
            if (!numbers.TryGetValue(name, out number))
                numbers.Add(name, number = numbers.Count);
            return true;
        });
    }

    /// <summary>Reads all lines, good and bad ones.</summary>
    /// <param name="path">The file.</param>
    /// <param name="lookup">Finds the videos.</param>
    /// <param name="take">Receives the number of a good line, from 1, and its pair.</param>
    /// <param name="refuse">Receives the number of a bad line and the reason.</param>
    /// <exception cref="DataException">The file cannot be read.</exception>
    internal static void ReadLines(string path, VideoLookup lookup, Action<int, VideoPair> take, Action<int, string> refuse)
    {
        var lines = new LineReader(FileFailure.ReadAllBytes(path, Limit));
        while (lines.MoveNext())
        {
            lines.RequireText(path);
            if (TryParse(lines.Current, lookup, out var pair, out string? reason))
                take(lines.Number, pair);
            else
                refuse(lines.Number, reason);
        }
    }

    private static bool TryParse(ReadOnlySpan<byte> line, VideoLookup lookup, out VideoPair pair, [NotNullWhen(false)] out string? reason)
    {
        pair = default;
        Span<Range> fields = stackalloc Range[4];
        bool byTabs = line.Contains((byte)'\t');
        int fieldCount = Split(line, byTabs ? (byte)'\t' : (byte)' ', skipsEmpty: !byTabs, fields);
        if (fieldCount != 3)
        {
            reason = line.IsEmpty ? "is empty; expected id, id, similarity"
                : $"has {fieldCount} fields separated by {(byTabs ? "tabs" : "spaces")}; expected 3: id, id, similarity";
            return false;
        }
        ReadOnlySpan<byte> leftId = line[fields[0]], rightId = line[fields[1]], text = line[fields[2]];
        double similarity = 0;
        int right = 0;
        reason = !lookup(leftId, out int left) ? $"there is no video '{LineReader.Quote(leftId)}'"
            : !lookup(rightId, out right) ? $"there is no video '{LineReader.Quote(rightId)}'"
            // .NET's parser ignores a NUL after a number.
            : text.Contains((byte)0) || !double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out similarity)
                ? $"the similarity '{LineReader.Quote(text)}' is not a number"
            : similarity is >= 0 and <= 1 ? null
            : $"the similarity {LineReader.Quote(text)} is not in [0, 1]";
        pair = new VideoPair(left, right, (float)similarity);
        return reason is null;
    }

    /// <summary>
    /// Reads all pairs of a dataset. Pairs of skipped records stay in the list, with <see cref="VideoPair.Skipped"/>
    /// as the video, so the folds do not change. A note names their lines. Another note reports ids with several
    /// records.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="dataset">The videos.</param>
    /// <param name="progress">Receives the notes.</param>
    /// <exception cref="DataException">As in the other overload, or no pair is complete.</exception>
    public static VideoPair[] Read(string path, IVideoDataset dataset, IProgressSink progress)
    {
        var ids = dataset.BadRecords.Select(static bad => bad.Id).ToHashSet();
        // The id of a damaged record is not known, so any id may belong to it.
        bool hidesIds = ids.Contains(null);
        var pairs = Read(path, Find);
        int[] lines = Enumerable.Range(0, pairs.Length).Where(i => !pairs[i].IsComplete).ToArray();
        if (lines.Length == pairs.Length)
            throw new DataException($"{path}: every pair has a video whose record was skipped");

        if (lines.Length > 0)
        {
            string named = string.Join(", ", lines.Take(NamedLines).Select(static line => line + 1));
            progress.Note($"{path}: {lines.Length} of {pairs.Length} pairs are left out, because records of their videos were skipped: lines {named}{(lines.Length > NamedLines ? ", ..." : "")}");
        }

        dataset.LastOfEveryId(progress);
        return pairs;

        bool Find(ReadOnlySpan<byte> id, out int video)
        {
            if (dataset.TryFind(id, out video))
                return true;

            video = VideoPair.Skipped;
            return hidesIds || ids.Contains(Encoding.UTF8.GetString(id));
        }
    }

    // Counts all fields and stores the first ones. Surplus fields share the last entry.
    private static int Split(ReadOnlySpan<byte> line, byte separator, bool skipsEmpty, Span<Range> fields)
    {
        int count = 0;
        foreach (var field in line.Split(separator))
        {
            if (!skipsEmpty || !line[field].IsEmpty)
                fields[Math.Min(count++, fields.Length - 1)] = field;
        }

        return count;
    }
}
