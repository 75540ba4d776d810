using System.Runtime.CompilerServices;

namespace VideoSim.Kernels.Common;

/// <summary>
/// The upper 16 bits of an fp32 number: its exponent and 8 significant bits. Tensor cores multiply such numbers. The
/// type only stores values; arithmetic is done in fp32.
/// </summary>
public readonly struct BFloat16
{
    private readonly ushort _bits;

    /// <summary>Rounds to the nearest number, and a tie to the even one. NaN stays NaN.</summary>
    public BFloat16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        _bits = float.IsNaN(value) ? (ushort)0x7fff : (ushort)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
    }

    /// <summary>The number in fp32. The conversion is exact.</summary>
    public float ToSingle() => BitConverter.UInt32BitsToSingle((uint)_bits << 16);

    /// <summary>Rounds a number to bf16 and converts it back to fp32.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Round(float value) => new BFloat16(value).ToSingle();
}
