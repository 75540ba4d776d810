using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace VideoSim.Engine.Serialization;

/// <summary>Turns stored floating-point numbers into float32.</summary>
public static class StoredFloats
{
    // All bits of a float32's exponent: infinity, or NaN.
    private const uint SingleExponent = 0x7f800000;

    /// <summary>Whether a type is a floating-point type.</summary>
    public static bool IsFloat(this SafetensorsType type) =>
        type is SafetensorsType.F32 or SafetensorsType.F16 or SafetensorsType.BF16 or SafetensorsType.F64;

    /// <summary>Converts little-endian numbers. Numbers of F64 are rounded, all others stay exact.</summary>
    /// <param name="type">F32, F16, BF16 or F64.</param>
    /// <param name="bytes">Whole numbers of this type.</param>
    /// <param name="destination">Takes as many numbers.</param>
    public static void ToFloats(this SafetensorsType type, ReadOnlySpan<byte> bytes, Span<float> destination)
    {
        switch (type)
        {
            case SafetensorsType.F32:
                MemoryMarshal.Cast<byte, float>(bytes).CopyTo(destination);
                break;
            case SafetensorsType.F16:
                FromHalves(MemoryMarshal.Cast<byte, ushort>(bytes), destination);
                break;
            case SafetensorsType.BF16:
                var upper = MemoryMarshal.Cast<byte, ushort>(bytes);
                for (int i = 0; i < upper.Length; i++)
                    destination[i] = BitConverter.UInt32BitsToSingle((uint)upper[i] << 16);
                break;
            case SafetensorsType.F64:
                var doubles = MemoryMarshal.Cast<byte, double>(bytes);
                for (int i = 0; i < doubles.Length; i++)
                    destination[i] = (float)doubles[i];
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(type), $"{type} is not a floating-point type");
        }
    }

    /// <summary>Whether no number is infinite or NaN.</summary>
    public static bool AllFinite(ReadOnlySpan<float> values)
    {
        var bits = MemoryMarshal.Cast<float, uint>(values);
        var exponent = Vector256.Create(SingleExponent);
        int i = 0;
        for (; i <= bits.Length - Vector256<uint>.Count; i += Vector256<uint>.Count)
        {
            if (Vector256.EqualsAny(Vector256.Create(bits[i..]) & exponent, exponent))
                return false;
        }
        for (; i < values.Length; i++)
        {
            if (!float.IsFinite(values[i]))
                return false;
        }
        return true;
    }

    // If the bits of a half are moved to their places in a float32, the result is the half's value times 2^-112, also
    // for subnormal numbers.
    private static void FromHalves(ReadOnlySpan<ushort> halves, Span<float> destination)
    {
        int i = 0;
        for (; i <= halves.Length - Vector128<ushort>.Count; i += Vector128<ushort>.Count)
        {
            var (lower, upper) = Vector128.Widen(Vector128.Create(halves[i..]));
            Widen(Vector256.Create(lower, upper)).CopyTo(destination[i..]);
        }
        for (; i < halves.Length; i++)
            destination[i] = (float)BitConverter.UInt16BitsToHalf(halves[i]);

        static Vector256<float> Widen(Vector256<uint> half)
        {
            var exponent = Vector256.Create(0x7c00u);
            var value = (((half & Vector256.Create(0x7fffu)) << 13).AsSingle() * BitConverter.UInt32BitsToSingle((127 + 112) << 23)).AsUInt32();
            var special = Vector256.Equals(half & exponent, exponent) & Vector256.Create(SingleExponent);
            return (value | special | ((half & Vector256.Create(0x8000u)) << 16)).AsSingle();
        }
    }
}
