using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Unicode;
using VideoSim.Models.Datasets;

namespace VideoSim.Models.Records;

/// <summary>
/// Reads a single-video Example from a record's payload. It allocates memory only for an error message. It accepts
/// everything that TensorFlow writes, and refuses what the models cannot use, and an entry of the map with two lists.
/// Features that no model uses are not checked.
/// </summary>
public static class ExampleParser
{
    // Ids of tags are one byte each in a file, and eight in memory.
    private const int MostTagIds = 1 << 20;

    /// <summary>Parses a payload and checks all of it except the values inside the frames.</summary>
    /// <param name="payload">A serialised <c>tf.train.Example</c>.</param>
    /// <param name="frameWidth">Expected fp16 values per frame.</param>
    /// <param name="example">The video. If parsing fails, only its id, if the id could be read.</param>
    /// <param name="problem">The problem, as the end of a message that begins with file and record.</param>
    public static bool TryParse(
        ReadOnlySpan<byte> payload, int frameWidth, out VideoExample example, [NotNullWhen(false)] out string? problem)
    {
        Feature id = default, title = default, frames = default, tagIds = default;
        var features = new FeatureEnumerator(payload);
        while (features.MoveNext())
        {
            var feature = features.Current;
            if (feature.Name.SequenceEqual(FeatureNames.Id))
                id = feature;
            else if (feature.Name.SequenceEqual(FeatureNames.Title))
                title = feature;
            else if (feature.Name.SequenceEqual(FeatureNames.Frames))
                frames = feature;
            else if (feature.Name.SequenceEqual(FeatureNames.TagIds))
                tagIds = feature;
        }

        example = default;
        if (features.Malformed)
        {
            problem = "the payload is not a tf.train.Example";
            return false;
        }

        if (!TryGetOne(id, FeatureNames.Id, out var idText, out problem)
            || !IsId(idText, out problem))
        {
            return false;
        }

        example = new VideoExample { Id = idText };
        if (!TryGetOne(title, FeatureNames.Title, out var titleText, out problem)
            || !TryGetFrames(frames, frameWidth, out var frameList, out problem)
            || !TryGetInt64(tagIds, FeatureNames.TagIds, out var tags, out problem))
        {
            return false;
        }

        if (!Utf8.IsValid(titleText))
        {
            problem = "the title is not valid UTF-8";
            return false;
        }

        example = new VideoExample
        {
            Id = idText,
            Title = titleText,
            Frames = frameList,
            TagIds = tags,
        };
        return true;
    }

    /// <summary>
    /// Whether every value of every frame is finite. If not, <paramref name="problem"/> names the first such value.
    /// </summary>
    public static bool FramesAreFinite(in VideoExample example, [NotNullWhen(false)] out string? problem)
    {
        int frame = 0;
        foreach (var values in example.Frames)
        {
            int i = HalfValues.IndexOfNonFinite(values);
            if (i >= 0)
            {
                problem = $"frame {frame} has NaN or infinity at value {i}";
                return false;
            }

            frame++;
        }

        problem = null;
        return true;
    }

    /// <summary>The fp16 values of the first frame of a payload; null if it has no frame.</summary>
    public static int? FindFrameWidth(ReadOnlySpan<byte> payload)
    {
        int? width = null;
        var features = new FeatureEnumerator(payload);
        while (features.MoveNext())
        {
            var feature = features.Current;
            if (!feature.Name.SequenceEqual(FeatureNames.Frames) || feature.IsRepeated || feature.Kind != FeatureKind.Bytes || !BytesList.TryParse(feature.List, out var frames))
                continue;
            var entries = frames.GetEnumerator();
            width = entries.MoveNext() && entries.Current.Length >= sizeof(ushort) ? entries.Current.Length / sizeof(ushort) : null;
        }
        return width;
    }

    private static bool TryGetOne(
        Feature feature, ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value, [NotNullWhen(false)] out string? problem)
    {
        value = default;
        if (!TryGetBytes(feature, name, out var list, out problem))
            return false;

        if (list.Count != 1)
        {
            problem = WrongCount(name, list.Count);
            return false;
        }

        var entries = list.GetEnumerator();
        entries.MoveNext();
        value = entries.Current;
        return true;
    }

    private static bool TryGetFrames(Feature feature, int frameWidth, out BytesList frames, [NotNullWhen(false)] out string? problem)
    {
        if (!TryGetBytes(feature, FeatureNames.Frames, out frames, out problem))
            return false;

        if (frames.Count == 0)
        {
            problem = $"there are no frames: feature '{Text(FeatureNames.Frames)}' has no entries";
            return false;
        }

        long expectedBytes = (long)frameWidth * sizeof(ushort);
        int i = 0;
        foreach (var frame in frames)
        {
            if (frame.Length != expectedBytes)
            {
                problem = $"frame {i} has {frame.Length} bytes, expected {expectedBytes}";
                return false;
            }

            i++;
        }

        return true;
    }

    private static bool TryGetBytes(Feature feature, ReadOnlySpan<byte> name, out BytesList list, [NotNullWhen(false)] out string? problem)
    {
        list = default;
        problem = feature.Name.IsEmpty ? $"feature '{Text(name)}' is missing"
            : feature.IsRepeated ? Repeated(name)
            : feature.Kind is not (FeatureKind.Bytes or FeatureKind.None) ? WrongKind(feature, FeatureKind.Bytes)
            : !BytesList.TryParse(feature.List, out list) ? Malformed(name)
            : null;
        return problem is null;
    }

    private static bool TryGetInt64(Feature feature, ReadOnlySpan<byte> name, out Int64List list, [NotNullWhen(false)] out string? problem)
    {
        list = default;
        problem = feature.IsRepeated ? Repeated(name)
            : feature.Kind is not (FeatureKind.Integers or FeatureKind.None) ? WrongKind(feature, FeatureKind.Integers)
            : !Int64List.TryParse(feature.List, out list) ? Malformed(name)
            : list.Count > MostTagIds ? $"feature '{Text(name)}' has {list.Count} entries; at most {MostTagIds} are allowed"
            : null;
        return problem is null;
    }

    private static bool IsId(ReadOnlySpan<byte> id, [NotNullWhen(false)] out string? problem)
    {
        problem = VideoId.Problem(id);
        return problem is null;
    }

    private static string WrongCount(ReadOnlySpan<byte> name, int count) => $"feature '{Text(name)}' has {count} entries, expected 1";

    private static string WrongKind(Feature feature, FeatureKind expected) =>
        $"feature '{Text(feature.Name)}' has {feature.Kind} values, expected {expected}";

    private static string Repeated(ReadOnlySpan<byte> name) => $"feature '{Text(name)}' has more than one list";

    private static string Malformed(ReadOnlySpan<byte> name) => $"the list of feature '{Text(name)}' is malformed";

    private static string Text(ReadOnlySpan<byte> name) => Encoding.UTF8.GetString(name);
}
