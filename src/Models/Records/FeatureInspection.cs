using System.Text;

namespace VideoSim.Models.Records;

/// <summary>Statistics of one feature over the inspected records.</summary>
/// <param name="Name">Key of the feature.</param>
/// <param name="Kind">Kind of its lists. A name with lists of two kinds is inspected as two features.</param>
/// <param name="Records">Number of records with the feature.</param>
/// <param name="Entries">Number of entries in all its lists.</param>
/// <param name="MinimumEntries">Length of the shortest list.</param>
/// <param name="MaximumEntries">Length of the longest list.</param>
/// <param name="Bytes">
/// Size of all entries: the bytes of byte strings, and 4 or 8 bytes for a number, however it is encoded.
/// </param>
/// <param name="MinimumEntryBytes">Size of the smallest byte string; null if there is none.</param>
/// <param name="MaximumEntryBytes">Size of the largest byte string; null if there is none.</param>
public sealed record FeatureInspection(
    string Name, FeatureKind Kind, long Records, long Entries, long MinimumEntries, long MaximumEntries,
    long Bytes, int? MinimumEntryBytes, int? MaximumEntryBytes)
{
    // A name is the key of a map in someone's program.
    private const int LongestName = 1_000;

    /// <summary>Measures the feature of one record; false if its list is malformed, or its name too long.</summary>
    internal static bool TryMeasure(Feature feature, out FeatureInspection measured)
    {
        var (sound, entries, bytes) = (!feature.IsRepeated && feature.Name.Length <= LongestName, 0, 0L);
        int? smallest = null, largest = null;
        switch (feature.Kind)
        {
            case FeatureKind.Bytes:
                sound &= BytesList.TryParse(feature.List, out var strings);
                for (var walk = strings.GetEnumerator(); walk.MoveNext(); entries++)
                {
                    bytes += walk.Current.Length;
                    smallest = Math.Min(smallest ?? int.MaxValue, walk.Current.Length);
                    largest = Math.Max(largest ?? 0, walk.Current.Length);
                }

                break;
            case FeatureKind.Integers:
                sound &= Int64List.TryParse(feature.List, out var integers);
                entries = integers.Count;
                bytes = (long)entries * sizeof(long);
                break;
            case FeatureKind.Numbers:
                sound &= TryCountFloats(feature.List, out entries);
                bytes = (long)entries * sizeof(float);
                break;
        }

        measured = new FeatureInspection(
            Encoding.UTF8.GetString(feature.Name[..Math.Min(LongestName, feature.Name.Length)]), feature.Kind, 1, entries, entries, entries, bytes, smallest, largest);
        return sound;
    }

    /// <summary>The sum of two statistics.</summary>
    internal FeatureInspection Plus(FeatureInspection other) => this with
    {
        Records = Records + other.Records,
        Entries = Entries + other.Entries,
        MinimumEntries = Math.Min(MinimumEntries, other.MinimumEntries),
        MaximumEntries = Math.Max(MaximumEntries, other.MaximumEntries),
        Bytes = Bytes + other.Bytes,
        MinimumEntryBytes = Merge(MinimumEntryBytes, other.MinimumEntryBytes, Math.Min),
        MaximumEntryBytes = Merge(MaximumEntryBytes, other.MaximumEntryBytes, Math.Max),
    };

    private static int? Merge(int? a, int? b, Func<int, int, int> choose) => a is { } x && b is { } y ? choose(x, y) : a ?? b;

    // FloatList { repeated float value = 1 [packed = true]; }
    private static bool TryCountFloats(ReadOnlySpan<byte> list, out int count)
    {
        count = 0;
        for (var reader = new WireReader(list); !reader.AtEnd;)
        {
            if (!reader.TryReadTag(out uint field, out var type))
                return false;

            if (field == 1 && type == WireType.LengthDelimited)
            {
                if (!reader.TryReadBytes(out var run) || run.Length % sizeof(float) != 0)
                    return false;

                count += run.Length / sizeof(float);
            }
            else if (!reader.TrySkip(type))
            {
                return false;
            }
            else if (field == 1 && type == WireType.Fixed32)
            {
                count++;
            }
        }

        return true;
    }
}
