using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace VideoSim.Kernels.Common;

/// <summary>
/// Vectors of eight floats in a row, which may end inside a vector. A loop passes an address and the number of
/// elements left. So the same loop body handles whole vectors and the ragged end. Lanes past the end read as 0 and are
/// not written.
/// </summary>
public static unsafe class Lanes
{
    /// <summary>Floats of a vector.</summary>
    public const int Count = 8;

    /// <summary><paramref name="count"/> rounded up to whole vectors.</summary>
    public static int RoundUp(int count) => (count + Count - 1) / Count * Count;

    /// <summary>Reads up to eight floats.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load(float* p, long left) => left >= Count ? Vector256.Load(p) : LoadPart(p, (int)left);

    /// <summary>Writes up to eight floats.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<float> value, float* p, long left)
    {
        if (left >= Count)
            value.Store(p);
        else
            StorePart(value, p, (int)left);
    }

    /// <summary>
    /// Writes up to eight floats, or adds to them if <paramref name="add"/> is not 0, as for gradients.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Deliver(Vector256<float> value, float* p, long left, int add) =>
        Store(add != 0 ? Load(p, left) + value : value, p, left);

    /// <summary>Sets the lanes past the end to 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Keep(Vector256<float> value, long left) => left >= Count ? value : value & Mask((int)left);

    /// <summary>Sum of a row: four running sums, then their sum. The order depends on the length only.</summary>
    public static float Sum(float* x, int count)
    {
        Vector256<float> s0 = default, s1 = default, s2 = default, s3 = default;
        int i = 0;
        for (; i <= count - 4 * Count; i += 4 * Count)
        {
            s0 += Vector256.Load(x + i);
            s1 += Vector256.Load(x + i + Count);
            s2 += Vector256.Load(x + i + 2 * Count);
            s3 += Vector256.Load(x + i + 3 * Count);
        }
        for (; i < count; i += Count)
            s0 += Load(x + i, count - i);
        return Vector256.Sum((s0 + s1) + (s2 + s3));
    }

    /// <summary>Sum of the products of two rows, in the order of <see cref="Sum"/>.</summary>
    public static float Dot(float* x, float* y, int count)
    {
        Vector256<float> s0 = default, s1 = default, s2 = default, s3 = default;
        int i = 0;
        for (; i <= count - 4 * Count; i += 4 * Count)
        {
            s0 = Vector256.FusedMultiplyAdd(Vector256.Load(x + i), Vector256.Load(y + i), s0);
            s1 = Vector256.FusedMultiplyAdd(Vector256.Load(x + i + Count), Vector256.Load(y + i + Count), s1);
            s2 = Vector256.FusedMultiplyAdd(Vector256.Load(x + i + 2 * Count), Vector256.Load(y + i + 2 * Count), s2);
            s3 = Vector256.FusedMultiplyAdd(Vector256.Load(x + i + 3 * Count), Vector256.Load(y + i + 3 * Count), s3);
        }
        for (; i < count; i += Count)
            s0 = Vector256.FusedMultiplyAdd(Load(x + i, count - i), Load(y + i, count - i), s0);
        return Vector256.Sum((s0 + s1) + (s2 + s3));
    }

    /// <summary>Largest element of a row, which has at least one element. NaN if an element is NaN.</summary>
    public static float Max(float* x, int count)
    {
        if (count < Count)
        {
            float largest = x[0];
            for (int i = 1; i < count; i++)
                largest = MathF.Max(largest, x[i]);
            return largest;
        }
        var lanes = Vector256.Load(x + count - Count); // the last eight elements; some may be read twice
        for (int i = 0; i < count - Count; i += Count)
            lanes = Vector256.Max(lanes, Vector256.Load(x + i));
        var four = Vector128.Max(lanes.GetLower(), lanes.GetUpper());
        var two = Vector128.Max(four, Vector128.Shuffle(four, Vector128.Create(2, 3, 0, 1)));
        return Vector128.Max(two, Vector128.Shuffle(two, Vector128.Create(1, 0, 3, 2))).ToScalar();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Mask(int left) => Vector256.LessThan(Vector256<int>.Indices, Vector256.Create(left)).AsSingle();

    // Inlined: a call in a loop would spill every vector that is used after the call.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> LoadPart(float* p, int left) => Avx.IsSupported ? Avx.MaskLoad(p, Mask(left)) : LoadSingly(p, left);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StorePart(Vector256<float> value, float* p, int left)
    {
        if (Avx.IsSupported)
            Avx.MaskStore(p, Mask(left), value);
        else
            StoreSingly(value, p, left);
    }

    private static Vector256<float> LoadSingly(float* p, int left)
    {
        Vector256<float> value = default;
        for (int lane = 0; lane < left; lane++)
            value = value.WithElement(lane, p[lane]);
        return value;
    }

    private static void StoreSingly(Vector256<float> value, float* p, int left)
    {
        for (int lane = 0; lane < left; lane++)
            p[lane] = value[lane];
    }
}
