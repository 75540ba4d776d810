using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace VideoSim.Kernels.Common;

/// <summary>
/// Vectors of sixteen floats in a row, which may end inside a vector. A loop passes an address and the number of
/// elements left. So the same loop body handles whole vectors and the ragged end. Lanes past the end read as 0 and are
/// not written. A vector is one register of 512 bits, or two of 256 where the hardware has no wider ones. The bits are
/// the same, because only the sum and the maximum of a vector cross lanes. The order of the sum is fixed. The order
/// does not change a maximum.
/// </summary>
public static unsafe class Lanes
{
    /// <summary>Floats of a vector.</summary>
    public const int Count = 16;

    /// <summary><paramref name="count"/> rounded up to whole vectors.</summary>
    public static int RoundUp(int count) => (count + Count - 1) / Count * Count;

    /// <summary>Reads up to sixteen floats.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(float* p, long left) => left >= Count ? Vector512.Load(p) : LoadPart(p, (int)left);

    /// <summary>Writes up to sixteen floats.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<float> value, float* p, long left)
    {
        if (left >= Count)
            value.Store(p);
        else
            StorePart(value, p, (int)left);
    }

    /// <summary>
    /// Writes up to sixteen floats, or adds to them if <paramref name="add"/> is not 0, as for gradients.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Deliver(Vector512<float> value, float* p, long left, int add) =>
        Store(add != 0 ? Load(p, left) + value : value, p, left);

    /// <summary>Sets the lanes past the end to 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Keep(Vector512<float> value, long left) => left >= Count ? value : value & Mask((int)left);

    /// <summary>Sum of the lanes: the halves are added until one lane is left.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Vector512<float> lanes)
    {
        var eight = lanes.GetLower() + lanes.GetUpper();
        var four = eight.GetLower() + eight.GetUpper();
        var two = four + Vector128.Shuffle(four, Vector128.Create(2, 3, 0, 1));
        return (two + Vector128.Shuffle(two, Vector128.Create(1, 0, 3, 2))).ToScalar();
    }

    /// <summary>Sum of a row: four running sums, then their sum. The order depends on the length only.</summary>
    public static float Sum(float* x, int count)
    {
        Vector512<float> s0 = default, s1 = default, s2 = default, s3 = default;
        int i = 0;
        for (; i <= count - 4 * Count; i += 4 * Count)
        {
            s0 += Vector512.Load(x + i);
            s1 += Vector512.Load(x + i + Count);
            s2 += Vector512.Load(x + i + 2 * Count);
            s3 += Vector512.Load(x + i + 3 * Count);
        }
        for (; i < count; i += Count)
            s0 += Load(x + i, count - i);
        return Sum((s0 + s1) + (s2 + s3));
    }

    /// <summary>Sum of the products of two rows, in the order of <see cref="Sum(float*, int)"/>.</summary>
    public static float Dot(float* x, float* y, int count)
    {
        Vector512<float> s0 = default, s1 = default, s2 = default, s3 = default;
        int i = 0;
        for (; i <= count - 4 * Count; i += 4 * Count)
        {
            s0 = Vector512.FusedMultiplyAdd(Vector512.Load(x + i), Vector512.Load(y + i), s0);
            s1 = Vector512.FusedMultiplyAdd(Vector512.Load(x + i + Count), Vector512.Load(y + i + Count), s1);
            s2 = Vector512.FusedMultiplyAdd(Vector512.Load(x + i + 2 * Count), Vector512.Load(y + i + 2 * Count), s2);
            s3 = Vector512.FusedMultiplyAdd(Vector512.Load(x + i + 3 * Count), Vector512.Load(y + i + 3 * Count), s3);
        }
        for (; i < count; i += Count)
            s0 = Vector512.FusedMultiplyAdd(Load(x + i, count - i), Load(y + i, count - i), s0);
        return Sum((s0 + s1) + (s2 + s3));
    }

    /// <summary>Largest lane. NaN if a lane is NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Max(Vector512<float> lanes)
    {
        var eight = Vector256.Max(lanes.GetLower(), lanes.GetUpper());
        var four = Vector128.Max(eight.GetLower(), eight.GetUpper());
        var two = Vector128.Max(four, Vector128.Shuffle(four, Vector128.Create(2, 3, 0, 1)));
        return Vector128.Max(two, Vector128.Shuffle(two, Vector128.Create(1, 0, 3, 2))).ToScalar();
    }

    /// <summary>Largest element of a row, which has at least one element. NaN if an element is NaN.</summary>
    public static float Max(float* x, int count)
    {
        var lowest = Vector512.Create(float.NegativeInfinity);
        var lanes = lowest;
        int i = 0;
        for (; i <= count - Count; i += Count)
            lanes = Vector512.Max(lanes, Vector512.Load(x + i));
        if (i < count)
            lanes = Vector512.Max(lanes, Vector512.ConditionalSelect(Mask(count - i), LoadPart(x + i, count - i), lowest));
        return Max(lanes);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Mask(int left) => Vector512.LessThan(Vector512<int>.Indices, Vector512.Create(left)).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> MaskOfHalf(int left) => Vector256.LessThan(Vector256<int>.Indices, Vector256.Create(left)).AsSingle();

    // Inlined: a call in a loop would spill every vector that is used after the call.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> LoadPart(float* p, int left)
    {
        if (Avx512F.IsSupported)
            return Avx512F.MaskLoad(p, Mask(left), default);
        if (Avx.IsSupported)
            return Vector512.Create(Avx.MaskLoad(p, MaskOfHalf(left)), Avx.MaskLoad(p + Count / 2, MaskOfHalf(left - Count / 2)));
        return LoadSingly(p, left);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StorePart(Vector512<float> value, float* p, int left)
    {
        if (Avx512F.IsSupported)
        {
            Avx512F.MaskStore(p, Mask(left), value);
        }
        else if (Avx.IsSupported)
        {
            Avx.MaskStore(p, MaskOfHalf(left), value.GetLower());
            Avx.MaskStore(p + Count / 2, MaskOfHalf(left - Count / 2), value.GetUpper());
        }
        else
        {
            StoreSingly(value, p, left);
        }
    }

    private static Vector512<float> LoadSingly(float* p, int left)
    {
        Vector512<float> value = default;
        for (int lane = 0; lane < left; lane++)
            value = value.WithElement(lane, p[lane]);
        return value;
    }

    private static void StoreSingly(Vector512<float> value, float* p, int left)
    {
        for (int lane = 0; lane < left; lane++)
            p[lane] = value[lane];
    }
}
