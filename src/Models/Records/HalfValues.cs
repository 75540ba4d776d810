using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace VideoSim.Models.Records;

/// <summary>Checks on raw little-endian fp16 values.</summary>
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
}
