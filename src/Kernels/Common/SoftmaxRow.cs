using System.Runtime.Intrinsics;

namespace VideoSim.Kernels.Common;

/// <summary>Softmax of one row. The largest element is subtracted first, so nothing overflows.</summary>
internal static unsafe class SoftmaxRow
{
    /// <summary>y = factor * softmax(x); y may be x.</summary>
    /// <returns>The largest element, and the sum over i of e^(x[i] - largest).</returns>
    public static (float Largest, float Sum) Write(float* x, float* y, int count, float factor = 1)
    {
        float largest = Lanes.Max(x, count);
        var powers = Vector512<float>.Zero;
        for (int i = 0; i < count; i += Lanes.Count)
        {
            var power = Lanes.Keep(VectorMath.Exp(Lanes.Load(x + i, count - i) - Vector512.Create(largest)), count - i);
            powers += power;
            Lanes.Store(power, y + i, count - i);
        }
        float sum = Lanes.Sum(powers), scale = factor / sum;
        for (int i = 0; i < count; i += Lanes.Count)
            Lanes.Store(Lanes.Load(y + i, count - i) * scale, y + i, count - i);
        return (largest, sum);
    }

    /// <summary>Sum over i of e^(scale * x[i] - largest).</summary>
    public static float SumOfPowers(float* x, int count, float scale, float largest)
    {
        var sum = Vector512<float>.Zero;
        for (int i = 0; i < count; i += Lanes.Count)
            sum += Lanes.Keep(VectorMath.Exp(Lanes.Load(x + i, count - i) * scale - Vector512.Create(largest)), count - i);
        return Lanes.Sum(sum);
    }
}
