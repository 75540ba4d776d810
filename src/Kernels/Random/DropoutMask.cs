using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace VideoSim.Kernels.Random;

/// <summary>
/// Dropout factors of a run of elements: 0 if the element's random bits are below the threshold, 1 / (1 - p)
/// otherwise. They are a function of (seed, step, site, element), so backward computes the same factors again.
/// </summary>
public static unsafe class DropoutMask
{
    // Eight counters at once make the factors of 32 elements; more would spill registers.
    private const int GroupBlocks = 8, GroupElements = 4 * GroupBlocks;

    /// <summary>
    /// Writes the factors of elements [<paramref name="start"/>, <paramref name="start"/> + <paramref name="count"/>).
    /// </summary>
    public static void Fill(float* mask, int count, in DropoutSite site, long start)
    {
        float scale = 1 / (1 - site.DropProbability);
        int skip = (int)(start & 3);
        long block = start >> 2;
        float* whole = stackalloc float[GroupElements];
        for (int i = 0; i < count; block += GroupBlocks)
        {
            int produced = Math.Min(GroupElements - skip, count - i);
            if (produced == GroupElements)
            {
                FillGroup(mask + i, site, block, scale);
            }
            else
            {
                FillGroup(whole, site, block, scale);
                for (int k = 0; k < produced; k++)
                    mask[i + k] = whole[skip + k];
            }
            i += produced;
            skip = 0;
        }
    }

    private static void FillGroup(float* mask, in DropoutSite site, long block, float scale)
    {
        uint threshold = Philox.Threshold(site.DropProbability), step = site.Scalars->Step;
        if (Avx2.IsSupported)
        {
            FillGroupAvx2(mask, site.Seed, step, site.Site, (ulong)block, threshold, scale);
            return;
        }
        for (int k = 0; k < GroupBlocks; k++, block++, mask += 4)
        {
            var (r0, r1, r2, r3) = Philox.Block((uint)block, (uint)(block >> 32), site.Site, step, site.Seed);
            mask[0] = r0 < threshold ? 0 : scale;
            mask[1] = r1 < threshold ? 0 : scale;
            mask[2] = r2 < threshold ? 0 : scale;
            mask[3] = r3 < threshold ? 0 : scale;
        }
    }

    // A 64-bit lane contains one word of one counter, or of the key, in its lower half. The multiplication reads only
    // that half. So the upper halves need no masking before the end.
    private static void FillGroupAvx2(float* mask, ulong seed, uint step, uint site, ulong block, uint threshold, float scale)
    {
        var near = Vector256.Create(block) + Vector256.Create(0ul, 1, 2, 3);
        var far = near + Vector256.Create(4ul);
        Vector256<ulong> a0 = near, a1 = near >> 32, a2 = Vector256.Create((ulong)site), a3 = Vector256.Create((ulong)step);
        Vector256<ulong> b0 = far, b1 = far >> 32, b2 = a2, b3 = a3;
        var multiplier0 = Vector256.Create((ulong)Philox.Multiplier0).AsUInt32();
        var multiplier1 = Vector256.Create((ulong)Philox.Multiplier1).AsUInt32();
        Vector256<ulong> key0 = Vector256.Create(seed), key1 = Vector256.Create(seed >> 32);
        for (int round = 0; round < Philox.Rounds; round++)
        {
            Vector256<ulong> p0 = Avx2.Multiply(a0.AsUInt32(), multiplier0), p1 = Avx2.Multiply(a2.AsUInt32(), multiplier1);
            Vector256<ulong> q0 = Avx2.Multiply(b0.AsUInt32(), multiplier0), q1 = Avx2.Multiply(b2.AsUInt32(), multiplier1);
            // The product is known last, so it is the last operand.
            (a0, a1, a2, a3) = (key0 ^ a1 ^ (p1 >> 32), p1, key1 ^ a3 ^ (p0 >> 32), p0);
            (b0, b1, b2, b3) = (key0 ^ b1 ^ (q1 >> 32), q1, key1 ^ b3 ^ (q0 >> 32), q0);
            key0 += Vector256.Create((ulong)Philox.Weyl0);
            key1 += Vector256.Create((ulong)Philox.Weyl1);
        }
        StoreFour(mask, a0, a1, a2, a3, threshold, scale);
        StoreFour(mask + GroupElements / 2, b0, b1, b2, b3, threshold, scale);
    }

    // Words 0 to 3 of four counters, in the order of the elements. Inlined: as arguments the vectors would pass
    // through memory.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreFour(float* mask, Vector256<ulong> r0, Vector256<ulong> r1, Vector256<ulong> r2, Vector256<ulong> r3, uint threshold, float scale)
    {
        const byte UpperHalves = 0b1010_1010;
        var first = Avx2.Blend(r0.AsUInt32(), (r1 << 32).AsUInt32(), UpperHalves).AsUInt64();
        var second = Avx2.Blend(r2.AsUInt32(), (r3 << 32).AsUInt32(), UpperHalves).AsUInt64();
        var even = Avx2.UnpackLow(first, second);  // counters 0 and 2
        var odd = Avx2.UnpackHigh(first, second);  // counters 1 and 3
        StoreFactors(mask, Avx2.Permute2x128(even, odd, 0x20).AsUInt32(), threshold, scale);
        StoreFactors(mask + 8, Avx2.Permute2x128(even, odd, 0x31).AsUInt32(), threshold, scale);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreFactors(float* mask, Vector256<uint> bits, uint threshold, float scale) =>
        Vector256.AndNot(Vector256.Create(scale), Vector256.LessThan(bits, Vector256.Create(threshold)).AsSingle()).Store(mask);
}
