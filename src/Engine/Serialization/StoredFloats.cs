using System.Runtime.InteropServices;

namespace VideoSim.Engine.Serialization;

/// <summary>Turns stored floating-point numbers into float32.</summary>
public static class StoredFloats
{
    /// <summary>Whether numbers of a type are floating-point numbers.</summary>
    public static bool IsFloat(this SafetensorsType type) =>
        type is SafetensorsType.F32 or SafetensorsType.F16 or SafetensorsType.BF16 or SafetensorsType.F64;

    /// <summary>Converts little-endian numbers; those of F64 are rounded, all others stay exact.</summary>
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
                var halves = MemoryMarshal.Cast<byte, Half>(bytes);
                for (var i = 0; i < halves.Length; i++)
                {
                    destination[i] = (float)halves[i];
                }
                break;
            case SafetensorsType.BF16:
                var upper = MemoryMarshal.Cast<byte, ushort>(bytes);
                for (var i = 0; i < upper.Length; i++)
                {
                    destination[i] = BitConverter.UInt32BitsToSingle((uint)upper[i] << 16);
                }
                break;
            case SafetensorsType.F64:
                var doubles = MemoryMarshal.Cast<byte, double>(bytes);
                for (var i = 0; i < doubles.Length; i++)
                {
                    destination[i] = (float)doubles[i];
                }
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(type), $"{type} is no floating-point number");
        }
    }
}
