using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

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
        if (Avx2.IsSupported)
        {
            for (; i <= values.Length - Vector256<double>.Count; i += Vector256<double>.Count)
                FourUniform(seed, step, site, (ulong)(first + i)).CopyTo(values[i..]);
        }
        for (; i < values.Length; i++)
            values[i] = Uniform(seed, step, site, first + i);
    }

    // One counter in each 64-bit lane. The multiplication reads only the lower halves, so the upper halves matter only
    // at the end.
    private static Vector256<double> FourUniform(ulong seed, uint step, uint site, ulong element)
    {
        var c0 = Vector256.Create(element) + Vector256.Create(0ul, 1, 2, 3);
        Vector256<ulong> c1 = c0 >> 32, c2 = Vector256.Create((ulong)site), c3 = Vector256.Create((ulong)step);
        Vector256<ulong> key0 = Vector256.Create(seed), key1 = Vector256.Create(seed >> 32);
        var multiplier0 = Vector256.Create((ulong)Multiplier0).AsUInt32();
        var multiplier1 = Vector256.Create((ulong)Multiplier1).AsUInt32();
        for (int round = 0; round < Rounds; round++)
        {
            Vector256<ulong> p0 = Avx2.Multiply(c0.AsUInt32(), multiplier0), p1 = Avx2.Multiply(c2.AsUInt32(), multiplier1);
            (c0, c1, c2, c3) = ((p1 >> 32) ^ c1 ^ key0, p1, (p0 >> 32) ^ c3 ^ key1, p0);
            key0 += Vector256.Create((ulong)Weyl0);
            key1 += Vector256.Create((ulong)Weyl1);
        }
        return Vector256.ConvertToDouble((c0 << 32 | (c1 & Vector256.Create((ulong)uint.MaxValue))) >> 11) * (1.0 / (1UL << 53));
    }

    /// <summary>Bits below this value drop the element.</summary>
    public static uint Threshold(float dropProbability) => (uint)(dropProbability * 4294967296.0);
}
