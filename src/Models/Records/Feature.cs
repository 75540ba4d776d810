using System.Text.Json.Serialization;

namespace VideoSim.Models.Records;

/// <summary>The kind of a feature's list.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<FeatureKind>))]
public enum FeatureKind
{
    /// <summary>No list; treated as an empty list of any kind.</summary>
    None,

    /// <summary>Byte strings.</summary>
    Bytes,

    /// <summary>32-bit floating-point numbers.</summary>
    Numbers,

    /// <summary>64-bit integers.</summary>
    Integers,
}

/// <summary>One named feature of an Example: a view of the payload, its list not yet decoded.</summary>
internal readonly ref struct Feature(ReadOnlySpan<byte> name, FeatureKind kind, ReadOnlySpan<byte> list, bool isRepeated)
{
    /// <summary>The key, UTF-8.</summary>
    public ReadOnlySpan<byte> Name { get; } = name;

    public FeatureKind Kind { get; } = kind;

    /// <summary>The encoded BytesList, FloatList or Int64List message.</summary>
    public ReadOnlySpan<byte> List { get; } = list;

    /// <summary>Whether its map entry has several keys, values or lists.</summary>
    public bool IsRepeated { get; } = isRepeated;
}

/// <summary>
/// Enumerates the features of a serialised <c>tf.train.Example</c> without allocating. Unknown fields are skipped.
/// After <see cref="MoveNext"/> has returned false, <see cref="Malformed"/> is true if there was an error.
/// </summary>
/// <remarks>
/// Protobuf merges a message that occurs twice. So several maps of features are one map, and of several entries with
/// one key the last one counts, as protobuf defines for maps. The parts of one entry are not merged. Protobuf would
/// join two lists of one kind, and take the last of two kinds. No known program writes such an entry. So it is marked
/// (<see cref="Feature.IsRepeated"/>), and <see cref="ExampleParser"/> refuses it by name.
/// </remarks>
internal ref struct FeatureEnumerator(ReadOnlySpan<byte> payload)
{
    private WireReader _example = new(payload);
    private WireReader _features = new([]);

    public Feature Current { get; private set; }

    public bool Malformed { get; private set; }

    public bool MoveNext()
    {
        while (!Malformed)
        {
            // Example { Features features = 1; }   Features { map<string, Feature> feature = 1; }
            if (!_features.AtEnd)
            {
                if (!TryReadField1(ref _features, out var entry, out bool isEntry))
                    break;

                if (isEntry)
                {
                    Malformed = !TryReadEntry(entry, out var feature);
                    Current = feature;
                    return !Malformed;
                }
            }
            else if (_example.AtEnd)
            {
                return false;
            }
            else if (!TryReadField1(ref _example, out var message, out bool isFeatures))
            {
                break;
            }
            else if (isFeatures)
            {
                _features = new WireReader(message);
            }
        }

        Malformed = true;
        return false;
    }

    private static bool TryReadField1(scoped ref WireReader reader, out ReadOnlySpan<byte> content, out bool found)
    {
        content = default;
        found = false;
        if (!reader.TryReadTag(out uint field, out var type))
            return false;

        found = field == 1 && type == WireType.LengthDelimited;
        return found ? reader.TryReadBytes(out content) : reader.TrySkip(type);
    }

    // Map entry { string key = 1; Feature value = 2; }
    private static bool TryReadEntry(ReadOnlySpan<byte> entry, out Feature feature)
    {
        feature = default;
        ReadOnlySpan<byte> name = default;
        Feature value = default;
        int names = 0, values = 0;
        for (var reader = new WireReader(entry); !reader.AtEnd;)
        {
            if (!reader.TryReadTag(out uint field, out var type))
                return false;

            bool isName = (field, type) == (1, WireType.LengthDelimited), isValue = (field, type) == (2, WireType.LengthDelimited);
            bool sound = isName ? reader.TryReadBytes(out name)
                : isValue ? reader.TryReadBytes(out var message) && TryReadFeature(message, out value)
                : reader.TrySkip(type);
            if (!sound)
                return false;

            names += isName ? 1 : 0;
            values += isValue ? 1 : 0;
        }

        feature = new Feature(name, value.Kind, value.List, value.IsRepeated || names > 1 || values > 1);
        return true;
    }

    // Feature { oneof { BytesList = 1; FloatList = 2; Int64List = 3; } }, without its name.
    private static bool TryReadFeature(ReadOnlySpan<byte> message, out Feature feature)
    {
        feature = default;
        for (var reader = new WireReader(message); !reader.AtEnd;)
        {
            if (!reader.TryReadTag(out uint field, out var type))
                return false;

            if (type != WireType.LengthDelimited || field > (uint)FeatureKind.Integers)
            {
                if (!reader.TrySkip(type))
                    return false;
            }
            else if (reader.TryReadBytes(out var list))
            {
                feature = new Feature(default, (FeatureKind)field, list, feature.Kind != FeatureKind.None);
            }
            else
            {
                return false;
            }
        }

        return true;
    }
}
