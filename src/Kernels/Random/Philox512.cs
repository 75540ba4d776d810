using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace VideoSim.Kernels.Random;

/// <summary>
/// <see cref="Philox"/> on vectors of 512 bits. Kernels.csproj adds a copy of this class on 256 bits.
/// </summary>
internal static class Philox512
{
    /// <summary>
    /// The four words of neighbouring blocks. A 64-bit lane contains one word of one block in its lower half, and any
    /// bits in its upper half.
    /// </summary>
    public struct Words
    {
        public Vector512<ulong> W0, W1, W2, W3;
    }

    /// <summary>
    /// Blocks of neighbouring counters, two vectors of them. One alone would wait for its multiplications.
    /// </summary>
    /// <param name="first">Words 0 and 1 of the first counter.</param>
    /// <param name="c2">Word 2 of all counters.</param>
    /// <param name="c3">Word 3 of all counters.</param>
    /// <param name="key">Key.</param>
    /// <param name="near">The first vector.</param>
    /// <param name="far">The second vector.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Blocks(ulong first, uint c2, uint c3, ulong key, out Words near, out Words far)
    {
        var a0 = Vector512.Create(first) + Vector512<ulong>.Indices;
        var b0 = a0 + Vector512.Create((ulong)Vector512<ulong>.Count);
        Vector512<ulong> a1 = a0 >> 32, a2 = Vector512.Create((ulong)c2), a3 = Vector512.Create((ulong)c3);
        Vector512<ulong> b1 = b0 >> 32, b2 = a2, b3 = a3;
        Vector512<ulong> key0 = Vector512.Create(key), key1 = Vector512.Create(key >> 32);
        for (int round = 0; round < Philox.Rounds; round++)
        {
            Vector512<ulong> p0 = Multiply(a0, Philox.Multiplier0), p1 = Multiply(a2, Philox.Multiplier1);
            Vector512<ulong> q0 = Multiply(b0, Philox.Multiplier0), q1 = Multiply(b2, Philox.Multiplier1);
            // The product is known last, so it is the last operand.
            (a0, a1, a2, a3) = (key0 ^ a1 ^ (p1 >> 32), p1, key1 ^ a3 ^ (p0 >> 32), p0);
            (b0, b1, b2, b3) = (key0 ^ b1 ^ (q1 >> 32), q1, key1 ^ b3 ^ (q0 >> 32), q0);
            key0 += Vector512.Create((ulong)Philox.Weyl0);
            key1 += Vector512.Create((ulong)Philox.Weyl1);
        }
        (near.W0, near.W1, near.W2, near.W3) = (a0, a1, a2, a3);
        (far.W0, far.W1, far.W2, far.W3) = (b0, b1, b2, b3);
    }

    // The product of the lower halves of the lanes.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<ulong> Multiply(Vector512<ulong> x, uint factor) => Avx512F.IsSupported
        ? Avx512F.Multiply(x.AsUInt32(), Vector512.Create((ulong)factor).AsUInt32())
        : (x & Vector512.Create((ulong)uint.MaxValue)) * factor;
}
