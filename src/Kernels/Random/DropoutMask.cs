using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace VideoSim.Kernels.Random;

/// <summary>
/// Dropout factors of a run of elements: 0 if the element's 16 random bits are below the threshold, 1 / (1 - p)
/// otherwise. They are a function of (seed, step, site, element), so backward computes the same factors again.
/// </summary>
public static unsafe class DropoutMask
{
    private const int MostElements = 128; // of a group with vectors of 512 bits

    // Two vectors of counters make the factors of a group. A block has eight elements.
    private static int GroupElements => Vector512.IsHardwareAccelerated ? MostElements : MostElements / 2;

    /// <summary>
    /// Writes the factors of elements [<paramref name="start"/>, <paramref name="start"/> + <paramref name="count"/>)
    /// of a tensor. The tensor may be a part of the whole batch's tensor.
    /// </summary>
    public static void Fill(float* mask, int count, in DropoutSite site, long start)
    {
        if (site.OtherParts == 0)
        {
            FillNeighbours(mask, count, site, start);
            return;
        }
        // Neighbours within a chunk are neighbours in the whole batch's tensor too.
        for (long end = start + count; start < end;)
        {
            int here = (int)Math.Min(end - start, site.Chunk - start % site.Chunk);
            FillNeighbours(mask, here, site, site.InWholeBatch(start));
            mask += here;
            start += here;
        }
    }

    // Start is the index in the whole batch's tensor.
    [SkipLocalsInit]
    private static void FillNeighbours(float* mask, int count, in DropoutSite site, long start)
    {
        float* group = stackalloc float[MostElements];
        int skip = (int)(start & 7); // elements of the first block that are not in the run
        for (ulong block = (ulong)start >> 3; count > 0; block += (ulong)GroupElements / 8)
        {
            int produced = Math.Min(GroupElements - skip, count);
            FillGroup(produced == GroupElements ? mask : group, site, block);
            if (produced < GroupElements)
                new Span<float>(group + skip, produced).CopyTo(new Span<float>(mask, produced));
            mask += produced;
            count -= produced;
            skip = 0;
        }
    }

    private static void FillGroup(float* mask, in DropoutSite site, ulong block)
    {
        if (Vector512.IsHardwareAccelerated)
            FillWide(mask, site, block);
        else
            FillNarrow(mask, site, block);
    }

    /// <summary>Writes the factors of 16 blocks, with vectors of 512 bits.</summary>
    internal static void FillWide(float* mask, in DropoutSite site, ulong block)
    {
        uint threshold = Philox.Threshold16(site.DropProbability);
        float scale = 1 / (1 - site.DropProbability);
        Philox512.Blocks(block, site.Site, site.Scalars->Step, site.Seed, out var near, out var far);
        StoreFactors(mask, near, threshold, scale);
        StoreFactors(mask + MostElements / 2, far, threshold, scale);
    }

    /// <summary>Writes the factors of 8 blocks, with vectors of 256 bits.</summary>
    internal static void FillNarrow(float* mask, in DropoutSite site, ulong block)
    {
        uint threshold = Philox.Threshold16(site.DropProbability);
        float scale = 1 / (1 - site.DropProbability);
        Philox256.Blocks(block, site.Site, site.Scalars->Step, site.Seed, out var near, out var far);
        StoreFactors(mask, near, threshold, scale);
        StoreFactors(mask + MostElements / 4, far, threshold, scale);
    }

    // The words of a block are the bits of 8 neighbouring elements: pairs of words are joined, then both pairs.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreFactors(float* mask, in Philox512.Words words, uint threshold, float scale)
    {
        var lower = Vector512.Create((ulong)uint.MaxValue);
        Vector512<ulong> first = (words.W0 & lower) | words.W1 << 32, second = (words.W2 & lower) | words.W3 << 32;
        StoreFactors(mask, Select(first, second, Vector512.Create(0ul, 8, 1, 9, 2, 10, 3, 11)).AsUInt16(), threshold, scale);
        StoreFactors(mask + Vector512<ushort>.Count, Select(first, second, Vector512.Create(4ul, 12, 5, 13, 6, 14, 7, 15)).AsUInt16(), threshold, scale);
    }

    // Lanes 0 to 7 are those of the first vector, 8 to 15 those of the second. A shuffle writes 0 for any other lane.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<ulong> Select(Vector512<ulong> first, Vector512<ulong> second, Vector512<ulong> lanes) => Avx512F.IsSupported
        ? Avx512F.PermuteVar8x64x2(first, lanes, second)
        : Vector512.Shuffle(first, lanes) | Vector512.Shuffle(second, lanes - Vector512.Create(8ul));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreFactors(float* mask, in Philox256.Words words, uint threshold, float scale)
    {
        var lower = Vector256.Create((ulong)uint.MaxValue);
        Vector256<ulong> first = (words.W0 & lower) | words.W1 << 32, second = (words.W2 & lower) | words.W3 << 32;
        var odd = Vector256.Create(0, ulong.MaxValue, 0, ulong.MaxValue);
        StoreFactors(mask, Vector256.ConditionalSelect(odd, Vector256.Shuffle(second, Vector256.Create(0ul, 0, 1, 1)), Vector256.Shuffle(first, Vector256.Create(0ul, 0, 1, 1))).AsUInt16(), threshold, scale);
        StoreFactors(mask + Vector256<ushort>.Count, Vector256.ConditionalSelect(odd, Vector256.Shuffle(second, Vector256.Create(2ul, 2, 3, 3)), Vector256.Shuffle(first, Vector256.Create(2ul, 2, 3, 3))).AsUInt16(), threshold, scale);
    }

    // Halves are compared as signed numbers of 32 bits. AVX2 has no comparison of unsigned numbers.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreFactors(float* mask, Vector512<ushort> halves, uint threshold, float scale)
    {
        var (first, second) = Vector512.Widen(halves);
        Factors(first.AsInt32(), threshold, scale).Store(mask);
        Factors(second.AsInt32(), threshold, scale).Store(mask + Vector512<float>.Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreFactors(float* mask, Vector256<ushort> halves, uint threshold, float scale)
    {
        var (first, second) = Vector256.Widen(halves);
        Factors(first.AsInt32(), threshold, scale).Store(mask);
        Factors(second.AsInt32(), threshold, scale).Store(mask + Vector256<float>.Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Factors(Vector512<int> halves, uint threshold, float scale) =>
        Vector512.ConditionalSelect(Vector512.LessThan(halves, Vector512.Create((int)threshold)).AsSingle(), Vector512<float>.Zero, Vector512.Create(scale));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Factors(Vector256<int> halves, uint threshold, float scale) =>
        Vector256.AndNot(Vector256.Create(scale), Vector256.LessThan(halves, Vector256.Create((int)threshold)).AsSingle());
}
