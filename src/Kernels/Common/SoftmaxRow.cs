using System.Runtime.Intrinsics;

namespace VideoSim.Kernels.Common;

/// <summary>Softmax of one row, shifted by its largest element so that nothing overflows.</summary>
internal static unsafe class SoftmaxRow
{
    /// <summary>y = factor * softmax(x); y may be x.</summary>
    public static void Write(float* x, float* y, int count, float factor = 1)
    {
        var largest = Vector256.Create(Lanes.Max(x, count));
        var sum = Vector256<float>.Zero;
        for (int i = 0; i < count; i += Lanes.Count)
        {
            var power = Lanes.Keep(VectorMath.Exp(Lanes.Load(x + i, count - i) - largest), count - i);
            sum += power;
            Lanes.Store(power, y + i, count - i);
        }
        float scale = factor / Vector256.Sum(sum);
        for (int i = 0; i < count; i += Lanes.Count)
            Lanes.Store(Lanes.Load(y + i, count - i) * scale, y + i, count - i);
    }

    /// <summary>Sum over i of e^(scale * x[i] - largest).</summary>
    public static float SumOfPowers(float* x, int count, float scale, float largest)
    {
        var sum = Vector256<float>.Zero;
        for (int i = 0; i < count; i += Lanes.Count)
            sum += Lanes.Keep(VectorMath.Exp(Lanes.Load(x + i, count - i) * scale - Vector256.Create(largest)), count - i);
        return Vector256.Sum(sum);
    }
}
