using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;

namespace VideoSim.Engine.Serialization;

/// <summary>How the numbers of a stored tensor are encoded; the names are the format's own.</summary>
[SuppressMessage("Naming", "CA1707", Justification = "The names are the format's own.")]
public enum SafetensorsType
{
    /// <summary>IEEE double.</summary>
    F64,

    /// <summary>IEEE single.</summary>
    F32,

    /// <summary>IEEE half.</summary>
    F16,

    /// <summary>The upper half of an IEEE single.</summary>
    BF16,

    /// <summary>8 bits, 5 of them exponent.</summary>
    F8_E5M2,

    /// <summary>8 bits, 4 of them exponent.</summary>
    F8_E4M3,

    /// <summary>8 bits, a power of two.</summary>
    F8_E8M0,

    /// <summary>Two IEEE singles.</summary>
    C64,

    /// <summary>Signed, 8 bytes.</summary>
    I64,

    /// <summary>Signed, 4 bytes.</summary>
    I32,

    /// <summary>Signed, 2 bytes.</summary>
    I16,

    /// <summary>Signed, 1 byte.</summary>
    I8,

    /// <summary>Unsigned, 8 bytes.</summary>
    U64,

    /// <summary>Unsigned, 4 bytes.</summary>
    U32,

    /// <summary>Unsigned, 2 bytes.</summary>
    U16,

    /// <summary>Unsigned, 1 byte.</summary>
    U8,

    /// <summary>One byte, 0 or 1.</summary>
    BOOL,
}

/// <summary>One tensor of a safetensors file.</summary>
/// <param name="Name">Its name, unique in the file.</param>
/// <param name="Type">How its numbers are encoded, little-endian.</param>
/// <param name="Shape">Its dimensions, row-major; none for a single number.</param>
/// <param name="Offset">Its first byte, counted from the end of the header.</param>
/// <param name="ByteCount">Number of its bytes.</param>
public sealed record SafetensorsEntry(
    string Name, SafetensorsType Type, ImmutableArray<long> Shape, long Offset, long ByteCount)
{
    /// <summary>Number of its numbers.</summary>
    public long ElementCount => ByteCount / Type.ByteSize();
}

/// <summary>
/// Facts about the safetensors format. A file has 8 bytes with the length of the header (little-endian), the header as
/// JSON, padded with blanks, then the bytes of all tensors without gaps.
/// </summary>
public static class SafetensorsFormat
{
    /// <summary>End of a file's name.</summary>
    public const string Extension = ".safetensors";

    /// <summary>Bytes before the header.</summary>
    public const int LengthBytes = 8;

    /// <summary>The longest header that is read: the format's own limit against malicious files.</summary>
    public const long LongestHeader = 100_000_000;

    /// <summary>
    /// The most tensors, and the most texts of metadata, that are read. The largest models have some thousand.
    /// </summary>
    public const int MostEntries = 100_000;

    /// <summary>The header's key for metadata: its value is a map of texts, not a tensor.</summary>
    public const string MetadataKey = "__metadata__";

    /// <summary>Bytes of one number of a type.</summary>
    public static int ByteSize(this SafetensorsType type) => type switch
    {
        SafetensorsType.F64 or SafetensorsType.C64 or SafetensorsType.I64 or SafetensorsType.U64 => 8,
        SafetensorsType.F32 or SafetensorsType.I32 or SafetensorsType.U32 => 4,
        SafetensorsType.F16 or SafetensorsType.BF16 or SafetensorsType.I16 or SafetensorsType.U16 => 2,
        SafetensorsType.F8_E5M2 or SafetensorsType.F8_E4M3 or SafetensorsType.F8_E8M0 or SafetensorsType.I8 or SafetensorsType.U8 or SafetensorsType.BOOL => 1,
        _ => throw new ArgumentOutOfRangeException(nameof(type)),
    };

    /// <summary>Bytes of a tensor; null if a dimension is negative or the product does not fit 64 bits.</summary>
    internal static long? ByteCount(SafetensorsType type, ReadOnlySpan<long> shape)
    {
        Int128 bytes = type.ByteSize();
        foreach (long dimension in shape)
        {
            bytes *= dimension;
            if (dimension < 0 || bytes > long.MaxValue)
                return null;
        }
        return (long)bytes;
    }

    /// <summary>The shape as shown in messages: <c>[3, 4]</c>.</summary>
    internal static string Show(ReadOnlySpan<long> shape) => $"[{string.Join(", ", shape.ToArray())}]";
}
