using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using VideoSim.Kernels.Common;
using VideoSim.Kernels.Random;
using VideoSim.Kernels.Rotary;

namespace VideoSim.Kernels.Attention;

public static unsafe partial class Attention
{
    [SkipLocalsInit]
    private static void ForwardItems(in AttentionArgs a, int from, int to)
    {
        float* probabilities = stackalloc float[a.Queries * a.S];
        float* turned = stackalloc float[TurnedValues(a)];
        for (int item = from; item < to; item++)
        {
            var head = new Head(a, item, turned);
            head.Probabilities(probabilities);
            if (a.Dropout.DropProbability > 0)
                DropoutRow.Apply(probabilities, probabilities, a.Queries * a.S, a.Dropout, head.FirstElement);
            SmallProduct.Multiply(new MatrixView(probabilities, a.S), head.Value, a.Context + head.ContextOffset, a.Heads * a.D, a.Queries, a.D, a.S);
        }
    }

    [SkipLocalsInit]
    private static void BackwardItems(in AttentionArgs a, int from, int to)
    {
        int s = a.S, queries = a.Queries, width = a.Heads * a.D;
        float* probabilities = stackalloc float[queries * s];
        float* gradients = stackalloc float[queries * s];
        float* mask = stackalloc float[s];
        float* turned = stackalloc float[TurnedValues(a)];
        float* turnedGradient = stackalloc float[a.Rotary == null ? 0 : s * a.D];
        float scale = 1 / MathF.Sqrt(a.D);
        for (int item = from; item < to; item++)
        {
            var head = new Head(a, item, turned);
            head.Probabilities(probabilities);
            var dContext = new MatrixView(a.dContext + head.ContextOffset, width);
            SmallProduct.Multiply(dContext, head.Value.Transposed, gradients, s, queries, s, a.D); // of the dropped probabilities
            for (int i = 0; i < queries; i++)
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
            var scores = new MatrixView(gradients, s);
            bool addQuery = a.AddQuery != 0, addKeyValue = a.AddKeyValue != 0;
            if (a.dQuery != null)
                Deliver(a, scores, head.Key, queries, s, turnedGradient, a.dQuery + head.QueryOffset, a.QueryRow, addQuery);
            if (a.dKey == null)
                continue;
            Deliver(a, scores.Transposed, head.Query, s, queries, turnedGradient, a.dKey + head.KeyOffset, a.KeyRow, addKeyValue);
            SmallProduct.Multiply(new MatrixView(probabilities, s).Transposed, dContext, a.dValue + head.KeyOffset, a.KeyRow, s, a.D, queries, addKeyValue);
        }
    }

    // Gradient of queries or keys, [rows, D] = scores [rows, depth] times the other ones [depth, D]; turned back to where
    // they were before they took their positions.
    private static void Deliver(in AttentionArgs a, MatrixView scores, MatrixView others, int rows, int depth, float* turned, float* gradient, int row, bool add)
    {
        if (a.Rotary == null)
        {
            SmallProduct.Multiply(scores, others, gradient, row, rows, a.D, depth, add);
            return;
        }
        SmallProduct.Multiply(scores, others, turned, a.D, rows, a.D, depth);
        Rotation.Apply(turned, a.D, a.Rotary, rows, a.D, gradient, row, back: true, add);
    }

    private static int TurnedValues(in AttentionArgs a) => a.Rotary == null ? 0 : (a.Queries + a.S) * a.D;

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

    /// <summary>One head of one video: where its matrices lie, queries and keys turned to their positions where these are rotary.</summary>
    private readonly struct Head
    {
        private readonly int* _mask;
        private readonly int _queries, _length, _width;

        public Head(in AttentionArgs a, int item, float* turned)
        {
            (_queries, _length, _width) = (a.Queries, a.S, a.D);
            (int video, int head) = (item / a.Heads, item % a.Heads);
            int column = head * a.D;
            QueryOffset = (long)video * a.Queries * a.QueryRow + column;
            KeyOffset = (long)video * a.S * a.KeyRow + column;
            ContextOffset = (long)video * a.Queries * a.Heads * a.D + column;
            FirstElement = (long)item * a.S * a.S;
            _mask = a.Mask + (long)video * a.S;
            float* query = a.Query + QueryOffset, key = a.Key + KeyOffset;
            (Query, Key, Value) = (new MatrixView(query, a.QueryRow), new MatrixView(key, a.KeyRow), new MatrixView(a.Value + KeyOffset, a.KeyRow));
            if (a.Rotary == null)
                return;
            float* turnedKey = turned + a.Queries * a.D;
            Rotation.Apply(query, a.QueryRow, a.Rotary, a.Queries, a.D, turned, a.D);
            Rotation.Apply(key, a.KeyRow, a.Rotary, a.S, a.D, turnedKey, a.D);
            (Query, Key) = (new MatrixView(turned, a.D), new MatrixView(turnedKey, a.D));
        }

        /// <summary>Element where the head's queries begin.</summary>
        public long QueryOffset { get; }

        /// <summary>Element where the head's keys begin, and its values.</summary>
        public long KeyOffset { get; }

        /// <summary>Element of a [B, Queries, C] tensor where the head's part begins.</summary>
        public long ContextOffset { get; }

        /// <summary>Number of the first probability for the random numbers.</summary>
        public long FirstElement { get; }

        public MatrixView Query { get; }

        public MatrixView Key { get; }

        public MatrixView Value { get; }

        /// <summary>Softmax of the masked scores, [Queries, S].</summary>
        [SkipLocalsInit]
        public void Probabilities(float* p)
        {
            int s = _length;
            float* hidden = stackalloc float[s];
            for (int j = 0; j < s; j++)
                hidden[j] = _mask[j] != 0 ? 0 : HiddenKey;
            var scale = Vector256.Create(1 / MathF.Sqrt(_width));
            SmallProduct.Multiply(Query, Key.Transposed, p, s, _queries, s, _width);
            for (int i = 0; i < _queries; i++, p += s)
            {
                for (int j = 0; j < s; j += Lanes.Count)
                    Lanes.Store(Vector256.FusedMultiplyAdd(Lanes.Load(p + j, s - j), scale, Lanes.Load(hidden + j, s - j)), p + j, s - j);
                SoftmaxRow.Write(p, p, s);
            }
        }
    }
}
