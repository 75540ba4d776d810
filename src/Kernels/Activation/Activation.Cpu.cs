using System.Runtime.Intrinsics;
using VideoSim.Kernels.Common;

namespace VideoSim.Kernels.Activation;

public static unsafe partial class Activations
{
    private interface IFunction
    {
        static abstract Vector256<float> Value(Vector256<float> x);

        static abstract Vector256<float> Slope(Vector256<float> kept);
    }

    private static void ForwardBlocks<TFunction>(in ActivationForwardArgs a, int from, int to) where TFunction : struct, IFunction
    {
        float* x = a.X, y = a.Y;
        long end = Math.Min(a.Count, (long)to * BlockElements);
        for (long i = (long)from * BlockElements; i < end; i += Lanes.Count)
            Lanes.Store(TFunction.Value(Lanes.Load(x + i, end - i)), y + i, end - i);
    }

    private static void BackwardBlocks<TFunction>(in ActivationBackwardArgs a, int from, int to) where TFunction : struct, IFunction
    {
        float* dY = a.dY, kept = a.Kept, dX = a.dX;
        int add = a.Add;
        long end = Math.Min(a.Count, (long)to * BlockElements);
        for (long i = (long)from * BlockElements; i < end; i += Lanes.Count)
        {
            var slope = TFunction.Slope(Lanes.Load(kept + i, end - i));
            Lanes.Deliver(Lanes.Load(dY + i, end - i) * slope, dX + i, end - i, add);
        }
    }

    private readonly struct ReluFunction : IFunction
    {
        // The bound comes first, so that NaN is passed on.
        public static Vector256<float> Value(Vector256<float> x) => Vector256.MaxNative(Vector256<float>.Zero, x);

        public static Vector256<float> Slope(Vector256<float> y) => Vector256.GreaterThan(y, Vector256<float>.Zero) & Vector256<float>.One;
    }

    private readonly struct GeluFunction : IFunction
    {
        public static Vector256<float> Value(Vector256<float> x) => x * VectorMath.NormalCdf(x, out _);

        public static Vector256<float> Slope(Vector256<float> x)
        {
            var cdf = VectorMath.NormalCdf(x, out var density);
            return Vector256.FusedMultiplyAdd(x, density, cdf);
        }
    }

    private readonly struct TanhFunction : IFunction
    {
        public static Vector256<float> Value(Vector256<float> x) => VectorMath.Tanh(x);

        public static Vector256<float> Slope(Vector256<float> y) => Vector256.FusedMultiplyAdd(-y, y, Vector256<float>.One);
    }

    private readonly struct SigmoidFunction : IFunction
    {
        public static Vector256<float> Value(Vector256<float> x) => VectorMath.Sigmoid(x);

        public static Vector256<float> Slope(Vector256<float> y) => Vector256.FusedMultiplyAdd(-y, y, y);
    }
}
