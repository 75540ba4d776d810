using System.Runtime.Intrinsics;
using VideoSim.Kernels.Common;

namespace VideoSim.Kernels.Activation;

public static unsafe partial class Activations
{
    private interface IFunction
    {
        static abstract Vector512<float> Value(Vector512<float> x);

        static abstract Vector512<float> Slope(Vector512<float> saved);
    }

    private static void ForwardChunks<TFunction>(in ActivationForwardArgs a, int from, int to) where TFunction : struct, IFunction
    {
        float* bias = a.Bias;
        int width = a.C;
        for (int row = from * ChunkRows; row < Math.Min(a.Rows, to * ChunkRows); row++)
        {
            float* x = (float*)a.X + (long)row * width, y = (float*)a.Y + (long)row * width;
            for (int c = 0; c < width; c += Lanes.Count)
                Lanes.Store(TFunction.Value(Argument(x, bias, c, width)), y + c, width - c);
        }
    }

    private static void BackwardChunks<TFunction>(in ActivationBackwardArgs a, int from, int to) where TFunction : struct, IFunction
    {
        float* bias = a.Bias;
        int width = a.C, add = a.Add;
        for (int row = from * ChunkRows; row < Math.Min(a.Rows, to * ChunkRows); row++)
        {
            float* dY = (float*)a.dY + (long)row * width, saved = (float*)a.Saved + (long)row * width, dX = (float*)a.dX + (long)row * width;
            float* sum = a.Partial == null ? null : a.Partial + (long)(row / ChunkRows) * width;
            if (sum != null && row % ChunkRows == 0)
                new Span<float>(sum, width).Clear();
            for (int c = 0; c < width; c += Lanes.Count)
            {
                int left = width - c;
                var gradient = Lanes.Load(dY + c, left) * TFunction.Slope(Argument(saved, bias, c, width));
                Lanes.Deliver(gradient, dX + c, left, add);
                if (sum != null)
                    Lanes.Deliver(gradient, sum + c, left, add: 1);
            }
        }
    }

    private static Vector512<float> Argument(float* x, float* bias, int c, int width)
    {
        var value = Lanes.Load(x + c, width - c);
        return bias == null ? value : value + Lanes.Load(bias + c, width - c);
    }

    private readonly struct ReluFunction : IFunction
    {
        // The bound is the first argument, so NaN stays NaN.
        public static Vector512<float> Value(Vector512<float> x) => Vector512.MaxNative(Vector512<float>.Zero, x);

        public static Vector512<float> Slope(Vector512<float> y) => Vector512.GreaterThan(y, Vector512<float>.Zero) & Vector512<float>.One;
    }

    private readonly struct GeluFunction : IFunction
    {
        public static Vector512<float> Value(Vector512<float> x) => x * VectorMath.NormalCdf(x, out _);

        public static Vector512<float> Slope(Vector512<float> x)
        {
            var cdf = VectorMath.NormalCdf(x, out var density);
            return Vector512.FusedMultiplyAdd(x, density, cdf);
        }
    }

    private readonly struct TanhFunction : IFunction
    {
        public static Vector512<float> Value(Vector512<float> x) => VectorMath.Tanh(x);

        public static Vector512<float> Slope(Vector512<float> y) => Vector512.FusedMultiplyAdd(-y, y, Vector512<float>.One);
    }

    private readonly struct SigmoidFunction : IFunction
    {
        public static Vector512<float> Value(Vector512<float> x) => VectorMath.Sigmoid(x);

        public static Vector512<float> Slope(Vector512<float> y) => Vector512.FusedMultiplyAdd(-y, y, y);
    }
}
