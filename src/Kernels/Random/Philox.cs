using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace VideoSim.Kernels.Random;

/// <summary>
/// Philox4x32-10, a counter-based generator (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011). A
/// random number is a function of (seed, step, site, element). It is the same on every device and in any order.
/// </summary>
public static class Philox
{
    internal const uint Multiplier0 = 0xD2511F53, Multiplier1 = 0xCD9E8D57; // the paper's constants for 4x32
    internal const uint Weyl0 = 0x9E3779B9, Weyl1 = 0xBB67AE85;             // golden ratio and sqrt(3) - 1
    internal const int Rounds = 10;

    /// <summary>One block of four 32-bit numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (uint, uint, uint, uint) Block(uint c0, uint c1, uint c2, uint c3, ulong key)
    {
        uint k0 = (uint)key, k1 = (uint)(key >> 32);
        for (int round = 0; round < Rounds; round++)
        {
            ulong p0 = (ulong)Multiplier0 * c0, p1 = (ulong)Multiplier1 * c2;
            (c0, c1, c2, c3) = ((uint)(p1 >> 32) ^ c1 ^ k0, (uint)p1, (uint)(p0 >> 32) ^ c3 ^ k1, (uint)p0);
            k0 += Weyl0;
            k1 += Weyl1;
        }
        return (c0, c1, c2, c3);
    }

    /// <summary>
    /// The 16 random bits of one element of dropout: half element % 8 of block element / 8. Half 0 is the low half of
    /// word 0, half 1 its high half, and so on.
    /// </summary>
    public static uint Half(ulong seed, uint step, uint site, long element)
    {
        ulong block = (ulong)element >> 3;
        var (r0, r1, r2, r3) = Block((uint)block, (uint)(block >> 32), site, step, seed);
        uint word = (element >> 1 & 3) switch { 0 => r0, 1 => r1, 2 => r2, _ => r3 };
        return (element & 1) == 0 ? word & 0xffff : word >> 16;
    }

    /// <summary>The 32 random bits of one element: block = element / 4, lane = element % 4.</summary>
    public static uint Bits(ulong seed, uint step, uint site, long element)
    {
        ulong block = (ulong)element >> 2;
        var (r0, r1, r2, r3) = Block((uint)block, (uint)(block >> 32), site, step, seed);
        return (element & 3) switch { 0 => r0, 1 => r1, 2 => r2, _ => r3 };
    }

    /// <summary>
    /// A uniform number in [0, 1) with 53 bits, from two neighbouring 32-bit numbers of the element's block.
    /// </summary>
    public static double Uniform(ulong seed, uint step, uint site, long element)
    {
        var (r0, r1, _, _) = Block((uint)element, (uint)(element >> 32), site, step, seed);
        return (((ulong)r0 << 32 | r1) >> 11) * (1.0 / (1UL << 53));
    }

    /// <summary>The uniform numbers of neighbouring elements.</summary>
    /// <param name="values">Gets the numbers of element <paramref name="first"/> and the following ones.</param>
    /// <param name="seed">Seed, as in <see cref="Uniform"/>.</param>
    /// <param name="step">Step.</param>
    /// <param name="site">Site.</param>
    /// <param name="first">Element of the first value.</param>
    public static void FillUniform(Span<double> values, ulong seed, uint step, uint site, long first)
    {
        int i = 0;
        for (; i <= values.Length - 2 * Vector256<double>.Count; i += 2 * Vector256<double>.Count)
        {
            Philox256.Blocks((ulong)(first + i), site, step, seed, out var near, out var far);
            ToUniform(near).CopyTo(values[i..]);
            ToUniform(far).CopyTo(values[(i + Vector256<double>.Count)..]);
        }
        for (; i < values.Length; i++)
            values[i] = Uniform(seed, step, site, first + i);
    }

    private static Vector256<double> ToUniform(in Philox256.Words words) =>
        Vector256.ConvertToDouble((words.W0 << 32 | (words.W1 & Vector256.Create((ulong)uint.MaxValue))) >> 11) * (1.0 / (1UL << 53));

    /// <summary>32 bits are below this value with the given probability.</summary>
    public static uint Threshold(float probability) => (uint)(probability * 4294967296.0);

    /// <summary>
    /// A <see cref="Half"/> below this value drops the element. The nearest number of 16 bits, so a value is dropped
    /// with a probability that differs from <paramref name="dropProbability"/> by at most 2^-17, near 1 by 2^-16.
    /// </summary>
    public static uint Threshold16(float dropProbability) => (uint)Math.Min(Math.Round(dropProbability * 65536.0), ushort.MaxValue);
}
