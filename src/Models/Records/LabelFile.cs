using System.Globalization;
using VideoSim.Engine;

namespace VideoSim.Models.Records;

/// <summary>One labelled pair.</summary>
/// <param name="Left">Number of the first video in what it was looked up in.</param>
/// <param name="Right">Number of the second.</param>
/// <param name="TargetSimilarity">How similar people found them, in [0, 1].</param>
public readonly record struct VideoPair(int Left, int Right, float TargetSimilarity);

/// <summary>Looks a video up by its id, as <see cref="RecordIndex.TryFind"/> does.</summary>
public delegate bool VideoLookup(ReadOnlySpan<byte> id, out int video);

/// <summary>Reads label.tsv (reference fact sheet, section 1.3): lines of left id, right id, similarity, split by tabs.</summary>
public static class LabelFile
{
    /// <summary>Reads all pairs, in the order of the lines.</summary>
    /// <param name="path">The file.</param>
    /// <param name="lookup">Where the videos are looked up.</param>
    /// <exception cref="DataException">
    /// The file cannot be read or is empty, or a line has not three fields, an unknown id, or a similarity outside [0, 1].
    /// </exception>
    public static VideoPair[] Read(string path, VideoLookup lookup)
    {
        var lines = new LineReader(InputFile.ReadAllBytes(path));
        var pairs = new List<VideoPair>();
        Span<Range> fields = stackalloc Range[4];
        while (lines.MoveNext())
        {
            var line = lines.Current;
            var fieldCount = 0;
            foreach (var field in line.Split((byte)'\t'))
            {
                fields[Math.Min(fieldCount++, fields.Length - 1)] = field;
            }

            if (fieldCount != 3)
            {
                throw Bad($"tabs split it into {fieldCount} fields, expected 3: id, id, similarity", lines.Number);
            }

            pairs.Add(new VideoPair(
                Find(line[fields[0]], lines.Number), Find(line[fields[1]], lines.Number), Similarity(line[fields[2]], lines.Number)));
        }

        return pairs.Count > 0 ? [.. pairs] : throw new DataException($"{path}: the label file is empty");

        int Find(ReadOnlySpan<byte> id, int number) =>
            lookup(id, out var video) ? video : throw Bad($"there is no video '{LineReader.Quote(id)}'", number);

        float Similarity(ReadOnlySpan<byte> text, int number)
        {
            if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var similarity))
            {
                throw Bad($"the similarity '{LineReader.Quote(text)}' is not a number", number);
            }

            return similarity is >= 0 and <= 1 ? (float)similarity
                : throw Bad($"the similarity {LineReader.Quote(text)} is not in [0, 1]", number);
        }

        DataException Bad(string reason, int number) => new($"{path}: line {number}: {reason}");
    }
}
