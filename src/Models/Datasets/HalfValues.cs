using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace VideoSim.Models.Datasets;

/// <summary>Checks on raw little-endian fp16 values, and their conversion from float32.</summary>
internal static class HalfValues
{
    // All bits of the exponent set: infinity, or NaN.
    private const ushort ExponentMask = 0x7c00;

    /// <summary>Position of the first value that is NaN or infinite, or -1. A last odd byte is ignored.</summary>
    internal static int IndexOfNonFinite(ReadOnlySpan<byte> bytes)
    {
        var values = MemoryMarshal.Cast<byte, ushort>(bytes);
        var mask = Vector256.Create(ExponentMask);
        int i = 0;
        for (; i <= values.Length - Vector256<ushort>.Count; i += Vector256<ushort>.Count)
        {
            if (Vector256.EqualsAny(Vector256.Create(values[i..]) & mask, mask))
                break;
        }

        for (; i < values.Length; i++)
        {
            if ((BinaryPrimitives.ReadUInt16LittleEndian(bytes[(2 * i)..]) & ExponentMask) == ExponentMask)
                return i;
        }

        return -1;
    }

    /// <summary>
    /// Rounds float32 values to the nearest fp16 values, ties to even. Values that are too large become infinite.
    /// </summary>
    internal static void FromSingles(ReadOnlySpan<float> values, Span<Half> halves)
    {
        var bits = MemoryMarshal.Cast<Half, ushort>(halves);
        int i = 0;
        for (; i <= values.Length - Vector256<ushort>.Count; i += Vector256<ushort>.Count)
        {
            var (lower, upper) = (Vector256.Create(values[i..]), Vector256.Create(values[(i + Vector256<float>.Count)..]));
            Vector256.Narrow(Round(lower), Round(upper)).CopyTo(bits[i..]);
        }
        for (; i < values.Length; i++)
            halves[i] = (Half)values[i];
    }

    // The fp16 bits of float32 values. Adding the power of two whose last bit is worth as much as the last bit of the
    // result rounds the value there. That bit is worth 2^-10 of the value's power of two, and at least 2^-24.
    private static Vector256<uint> Round(Vector256<float> values)
    {
        const uint SingleExponent = 0x7f800000, SmallestNormal = (127 - 14) << 23, PlacesLost = 13;
        const float TooLarge = 65520; // halfway between the largest value of fp16 and 2^16
        var bits = values.AsUInt32();
        var magnitude = (bits & Vector256.Create(0x7fffffffu)).AsSingle();
        var scale = Vector256.Max(magnitude.AsUInt32() & Vector256.Create(SingleExponent), Vector256.Create(SmallestNormal)) + Vector256.Create(PlacesLost << 23);
        var sum = (magnitude + scale.AsSingle()).AsUInt32();
        // The low bits of the sum are the result in units of its last bit. For a normal value they are 1,024 to 2,048.
        var units = sum - scale;
        var exponent = (scale - Vector256.Create(SmallestNormal + (PlacesLost << 23))) >>> 13;
        var special = ~Vector256.LessThan(magnitude, Vector256.Create(TooLarge)).AsUInt32();
        var isNaN = ~Vector256.Equals(values, values).AsUInt32() & Vector256.Create(0x200u);
        var result = Vector256.ConditionalSelect(special, Vector256.Create((uint)ExponentMask) | isNaN, units + exponent);
        return result | ((bits >>> 16) & Vector256.Create(0x8000u));
    }
}
