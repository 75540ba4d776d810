using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using VideoSim.Kernels.Common;
using VideoSim.Kernels.Random;
using VideoSim.Kernels.Rotary;

namespace VideoSim.Kernels.Attention;

public static unsafe partial class AttentionKernels
{
    [SkipLocalsInit]
    private static void ForwardItems(in AttentionArgs a, int from, int to)
    {
        float* probabilities = stackalloc float[a.Queries * a.S];
        float* prepared = stackalloc float[PreparedValues(a)];
        for (int item = from; item < to; item++)
        {
            var head = new Head(a, item, prepared);
            head.Probabilities(probabilities);
            if (a.Dropout.DropProbability > 0)
                DropoutRow.Apply(probabilities, probabilities, a.Queries * a.S, a.Dropout, head.FirstElement);
            SmallProduct.Multiply(new MatrixView(probabilities, a.S), head.Value, (float*)a.Context + head.ContextOffset, a.Heads * a.D, a.Queries, a.D, a.S);
        }
    }

    [SkipLocalsInit]
    private static void BackwardItems(in AttentionArgs a, int from, int to)
    {
        int s = a.S, queries = a.Queries, width = a.Heads * a.D;
        float* probabilities = stackalloc float[queries * s];
        float* gradients = stackalloc float[queries * s];
        float* mask = stackalloc float[s];
        float* prepared = stackalloc float[PreparedValues(a)];
        float* gradient = stackalloc float[a.Rotary == null && !HasBiasGradient(a) ? 0 : s * a.D];
        float scale = 1 / MathF.Sqrt(a.D);
        for (int item = from; item < to; item++)
        {
            var head = new Head(a, item, prepared);
            head.Probabilities(probabilities);
            var dContext = new MatrixView((float*)a.dContext + head.ContextOffset, width);
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
            var ofQueries = new Target(a.dQuery, head.QueryOffset, a.QueryRow, addQuery, head.Sums(a.dQueryBias, a.QueryRow));
            var ofKeys = new Target(a.dKey, head.KeyOffset, a.KeyRow, addKeyValue, head.Sums(a.dKeyBias, a.KeyRow));
            var ofValues = new Target(a.dValue, head.KeyOffset, a.KeyRow, addKeyValue, head.Sums(a.dValueBias, a.KeyRow));
            ofQueries.Deliver(scores, head.Key, queries, a.D, s, gradient, a.Rotary);
            ofKeys.Deliver(scores.Transposed, head.Query, s, a.D, queries, gradient, a.Rotary);
            ofValues.Deliver(new MatrixView(probabilities, s).Transposed, dContext, s, a.D, queries, gradient, rotary: null);
        }
    }

    // Values of the copies of an item's queries, keys and values with biases and rotary positions.
    private static int PreparedValues(in AttentionArgs a) =>
        (a.Rotary == null && a.QueryBias == null ? 0 : a.Queries * a.D) + (a.Rotary == null && a.KeyBias == null ? 0 : 2 * a.S * a.D);

    // Converts gradients of a row's probabilities into those of its scores before scaling: p * (g - sum(p * g)) *
    // scale.
    private static void ScoreGradients(float* p, float* g, int count, float scale)
    {
        float row = Lanes.Dot(p, g, count);
        for (int j = 0; j < count; j += Lanes.Count)
        {
            int left = count - j;
            Lanes.Store(Lanes.Load(p + j, left) * (Lanes.Load(g + j, left) - Vector512.Create(row)) * scale, g + j, left);
        }
    }

    private static void Multiply(float* x, float* factors, int count)
    {
        for (int j = 0; j < count; j += Lanes.Count)
            Lanes.Store(Lanes.Load(x + j, count - j) * Lanes.Load(factors + j, count - j), x + j, count - j);
    }

    /// <summary>Address of a gradient of one head of one video, or null, and of the sums over its rows.</summary>
    private readonly struct Target(void* all, long offset, int row, bool add, float* sums)
    {
        private readonly float* _gradient = all == null ? null : (float*)all + offset;

        /// <summary>
        /// Writes left [rows, depth] times right [depth, width]. With rotary positions the rows are first turned back
        /// by their angles. Then, and if there are sums, the product passes through scratch [rows, width].
        /// </summary>
        public void Deliver(MatrixView left, MatrixView right, int rows, int width, int depth, float* scratch, float* rotary)
        {
            if (_gradient == null)
                return;
            if (rotary == null && sums == null)
            {
                SmallProduct.Multiply(left, right, _gradient, row, rows, width, depth, add);
                return;
            }
            SmallProduct.Multiply(left, right, scratch, width, rows, width, depth);
            if (rotary != null)
                Rotation.Apply(scratch, width, rotary, rows, width, scratch, width, back: true);
            if (sums != null)
                new Span<float>(sums, width).Clear();
            for (int i = 0; i < rows; i++, scratch += width)
            {
                for (int c = 0; c < width; c += Lanes.Count)
                {
                    float* place = _gradient + (long)i * row + c;
                    int rest = width - c;
                    var value = Lanes.Load(scratch + c, rest);
                    Lanes.Store(add ? Lanes.Load(place, rest) + value : value, place, rest);
                    if (sums != null)
                        Lanes.Store(Lanes.Load(sums + c, rest) + value, sums + c, rest);
                }
            }
        }
    }

    /// <summary>
    /// One head of one video: its queries, keys and values, with biases and rotary positions where there are any.
    /// </summary>
    private readonly struct Head
    {
        private readonly int* _mask;
        private readonly int _queries, _length, _width, _video, _column;

        public Head(in AttentionArgs a, int item, float* prepared)
        {
            (_queries, _length, _width) = (a.Queries, a.S, a.D);
            (int video, int head) = (item / a.Heads, item % a.Heads);
            int column = head * a.D;
            (_video, _column) = (video, column);
            QueryOffset = (long)video * a.Queries * a.QueryRow + column;
            KeyOffset = (long)video * a.S * a.KeyRow + column;
            ContextOffset = (long)video * a.Queries * a.Heads * a.D + column;
            FirstElement = (long)item * a.S * a.S;
            _mask = a.Mask + (long)video * a.S;
            Query = Prepare((float*)a.Query + QueryOffset, a.QueryRow, a.QueryBias, a.Queries, a.Rotary, ref prepared);
            Key = Prepare((float*)a.Key + KeyOffset, a.KeyRow, a.KeyBias, a.S, a.Rotary, ref prepared);
            Value = Prepare((float*)a.Value + KeyOffset, a.KeyRow, a.ValueBias, a.S, rotary: null, ref prepared);
        }

        // The rows in memory, or a copy with bias and positions.
        private MatrixView Prepare(float* x, int row, float* bias, int rows, float* rotary, ref float* free)
        {
            if (bias == null && rotary == null)
                return new MatrixView(x, row);
            float* copy = free;
            free += rows * _width;
            for (int i = 0; bias != null && i < rows; i++)
                AddRow(x + (long)i * row, bias + _column, copy + i * _width);
            if (rotary != null)
                Rotation.Apply(bias == null ? x : copy, bias == null ? row : _width, rotary, rows, _width, copy, _width);
            return new MatrixView(copy, _width);
        }

        private void AddRow(float* x, float* bias, float* y)
        {
            for (int c = 0; c < _width; c += Lanes.Count)
                Lanes.Store(Lanes.Load(x + c, _width - c) + Lanes.Load(bias + c, _width - c), y + c, _width - c);
        }

        /// <summary>Address of the sums of a gradient's columns, or null.</summary>
        public float* Sums(float* all, int row) => all == null ? null : all + (long)_video * row + _column;

        /// <summary>First element of the head's queries.</summary>
        public long QueryOffset { get; }

        /// <summary>First element of the head's keys, and of its values.</summary>
        public long KeyOffset { get; }

        /// <summary>First element of the head's part of a [B, Queries, C] tensor.</summary>
        public long ContextOffset { get; }

        /// <summary>Number of the first probability. Dropout uses it as element.</summary>
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
            var scale = Vector512.Create(1 / MathF.Sqrt(_width));
            SmallProduct.Multiply(Query, Key.Transposed, p, s, _queries, s, _width);
            for (int i = 0; i < _queries; i++, p += s)
            {
                for (int j = 0; j < s; j += Lanes.Count)
                    Lanes.Store(Vector512.FusedMultiplyAdd(Lanes.Load(p + j, s - j), scale, Lanes.Load(hidden + j, s - j)), p + j, s - j);
                SoftmaxRow.Write(p, p, s);
            }
        }
    }
}
