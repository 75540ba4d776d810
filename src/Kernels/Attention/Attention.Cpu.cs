using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using VideoSim.Kernels.Common;
using VideoSim.Kernels.Random;

namespace VideoSim.Kernels.Attention;

public static unsafe partial class Attention
{
    [SkipLocalsInit]
    private static void ForwardItems(in AttentionArgs a, int from, int to)
    {
        float* probabilities = stackalloc float[a.S * a.S];
        for (int item = from; item < to; item++)
        {
            var head = new Head(a, item);
            head.Probabilities(probabilities);
            if (a.Dropout.DropProbability > 0)
                DropoutRow.Apply(probabilities, probabilities, a.S * a.S, a.Dropout, head.FirstElement);
            SmallProduct.Multiply(new MatrixView(probabilities, a.S), head.Value, head.Context(a.Context), a.Heads * a.D, a.S, a.D, a.S);
        }
    }

    [SkipLocalsInit]
    private static void BackwardItems(in AttentionArgs a, int from, int to)
    {
        int s = a.S, width = a.Heads * a.D;
        float* probabilities = stackalloc float[s * s];
        float* gradients = stackalloc float[s * s];
        float* mask = stackalloc float[s];
        float scale = 1 / MathF.Sqrt(a.D);
        for (int item = from; item < to; item++)
        {
            var head = new Head(a, item);
            head.Probabilities(probabilities);
            var dContext = new MatrixView(head.Context(a.dContext), width);
            SmallProduct.Multiply(dContext, head.Value.Transposed, gradients, s, s, s, a.D); // of the dropped probabilities
            for (int i = 0; i < s; i++)
            {
                float* p = probabilities + (long)i * s;
                float* g = gradients + (long)i * s;
                if (a.Dropout.DropProbability > 0)
                {
                    DropoutMask.Fill(mask, s, a.Dropout, head.FirstElement + (long)i * s);
                    Multiply(g, mask, s);
                    ScoreGradients(p, g, s, scale);
                    Multiply(p, mask, s);
                }
                else
                {
                    ScoreGradients(p, g, s, scale);
                }
            }
            float* dQuery = a.dQueryKeyValue + head.Offset;
            var scores = new MatrixView(gradients, s);
            bool add = a.Add != 0;
            SmallProduct.Multiply(scores, head.Key, dQuery, 3 * width, s, a.D, s, add);
            SmallProduct.Multiply(scores.Transposed, head.Query, dQuery + width, 3 * width, s, a.D, s, add);
            SmallProduct.Multiply(new MatrixView(probabilities, s).Transposed, dContext, dQuery + 2 * width, 3 * width, s, a.D, s, add);
        }
    }

    // From gradients of a row's probabilities to those of its scores before scaling: p * (g - sum(p * g)) * scale.
    private static void ScoreGradients(float* p, float* g, int count, float scale)
    {
        float row = Lanes.Dot(p, g, count);
        for (int j = 0; j < count; j += Lanes.Count)
        {
            int left = count - j;
            Lanes.Store(Lanes.Load(p + j, left) * (Lanes.Load(g + j, left) - Vector256.Create(row)) * scale, g + j, left);
        }
    }

    private static void Multiply(float* x, float* factors, int count)
    {
        for (int j = 0; j < count; j += Lanes.Count)
            Lanes.Store(Lanes.Load(x + j, count - j) * Lanes.Load(factors + j, count - j), x + j, count - j);
    }

    /// <summary>One head of one video: where its matrices lie.</summary>
    private readonly struct Head
    {
        private readonly int* _mask;
        private readonly int _length, _width, _all, _video, _column;

        public Head(in AttentionArgs a, int item)
        {
            (_length, _width) = (a.S, a.D);
            (_video, int head) = (item / a.Heads, item % a.Heads);
            _column = head * a.D;
            int all = _all = a.Heads * a.D;
            Offset = (long)_video * a.S * 3 * all + _column;
            FirstElement = (long)item * a.S * a.S;
            _mask = a.Mask + (long)_video * a.S;
            float* query = a.QueryKeyValue + Offset;
            (Query, Key, Value) = (new MatrixView(query, 3 * all), new MatrixView(query + all, 3 * all), new MatrixView(query + 2 * all, 3 * all));
        }

        /// <summary>Element of the [B, S, 3C] tensors where the head's queries begin.</summary>
        public long Offset { get; }

        /// <summary>Number of the first probability for the random numbers.</summary>
        public long FirstElement { get; }

        public MatrixView Query { get; }

        public MatrixView Key { get; }

        public MatrixView Value { get; }

        /// <summary>The head's part of a [B, S, C] tensor.</summary>
        public float* Context(float* tensor) => tensor + (long)_video * _length * _all + _column;

        /// <summary>Softmax of the masked scores, [S, S].</summary>
        [SkipLocalsInit]
        public void Probabilities(float* p)
        {
            int s = _length;
            float* hidden = stackalloc float[s];
            for (int j = 0; j < s; j++)
                hidden[j] = _mask[j] != 0 ? 0 : HiddenKey;
            var scale = Vector256.Create(1 / MathF.Sqrt(_width));
            SmallProduct.Multiply(Query, Key.Transposed, p, s, s, s, _width);
            for (int i = 0; i < s; i++, p += s)
            {
                for (int j = 0; j < s; j += Lanes.Count)
                    Lanes.Store(Vector256.FusedMultiplyAdd(Lanes.Load(p + j, s - j), scale, Lanes.Load(hidden + j, s - j)), p + j, s - j);
                SoftmaxRow.Write(p, p, s);
            }
        }
    }
}
