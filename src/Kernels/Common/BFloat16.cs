using System.Runtime.CompilerServices;

namespace VideoSim.Kernels.Common;

/// <summary>
/// A number as tensor cores take it: the upper 16 bits of fp32, so its exponent and 8 significant bits. For storing only; arithmetic is done in fp32.
/// </summary>
public readonly struct BFloat16
{
    private readonly ushort _bits;

    /// <summary>Rounds to the nearest, to the even one of two. NaN stays NaN.</summary>
    public BFloat16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        _bits = float.IsNaN(value) ? (ushort)0x7fff : (ushort)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
    }

    /// <summary>The number in fp32: exact.</summary>
    public float ToSingle() => BitConverter.UInt32BitsToSingle((uint)_bits << 16);

    /// <summary>What becomes of a number that is stored and read back.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Round(float value) => new BFloat16(value).ToSingle();
}
