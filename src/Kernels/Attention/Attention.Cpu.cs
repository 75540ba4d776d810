using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using VideoSim.Kernels.Common;
using VideoSim.Kernels.Random;
using VideoSim.Kernels.Rotary;

namespace VideoSim.Kernels.Attention;

public static unsafe partial class AttentionKernels
{
    // Rows whose dropout factors are drawn at once: whole groups of the generator if S is a multiple of four.
    private const int FactorRows = 16;

    // Rows of scores begin a whole number of vectors apart. The padding is 0 throughout.
    [SkipLocalsInit]
    private static void ForwardItems(in AttentionArgs a, int from, int to)
    {
        int pitch = Lanes.RoundUp(a.S);
        float* probabilities = stackalloc float[a.Queries * pitch];
        float* factors = stackalloc float[Factors(a)];
        float* prepared = stackalloc float[PreparedValues(a)];
        new Span<float>(probabilities, a.Queries * pitch).Clear();
        new Span<float>(factors, Factors(a)).Clear();
        for (int item = from; item < to; item++)
        {
            var head = new Head(a, item, prepared);
            head.Probabilities(probabilities, pitch);
            for (int i = 0; i < a.Queries && a.Dropout.DropProbability > 0; i++)
                Multiply(probabilities + i * pitch, head.FactorsOf(a, i, factors), a.S);
            SmallProduct.Multiply(new MatrixView(probabilities, pitch), head.Value, (float*)a.Context + head.ContextOffset, a.Heads * a.D, a.Queries, a.D, a.S);
        }
    }

    [SkipLocalsInit]
    private static void BackwardItems(in AttentionArgs a, int from, int to)
    {
        int s = a.S, pitch = Lanes.RoundUp(s), queries = a.Queries, width = a.Heads * a.D;
        float* probabilities = stackalloc float[queries * pitch];
        float* gradients = stackalloc float[queries * pitch];
        float* factors = stackalloc float[Factors(a)];
        float* prepared = stackalloc float[PreparedValues(a)];
        float* gradient = stackalloc float[a.Rotary == null && !HasBiasGradient(a) ? 0 : s * a.D];
        new Span<float>(probabilities, queries * pitch).Clear();
        new Span<float>(gradients, queries * pitch).Clear();
        new Span<float>(factors, Factors(a)).Clear();
        float scale = 1 / MathF.Sqrt(a.D);
        for (int item = from; item < to; item++)
        {
            var head = new Head(a, item, prepared);
            head.Probabilities(probabilities, pitch);
            var dContext = new MatrixView((float*)a.dContext + head.ContextOffset, width);
            SmallProduct.Multiply(dContext, head.Value.Transposed, gradients, pitch, queries, s, a.D); // of the dropped probabilities
            for (int i = 0; i < queries; i++)
            {
                float* p = probabilities + i * pitch, g = gradients + i * pitch;
                if (a.Dropout.DropProbability > 0)
                {
                    float* factorsOfRow = head.FactorsOf(a, i, factors);
                    Multiply(g, factorsOfRow, s);
                    ScoreGradients(p, g, s, scale);
                    Multiply(p, factorsOfRow, s);
                }
                else
                {
                    ScoreGradients(p, g, s, scale);
                }
            }
            var scores = new MatrixView(gradients, pitch);
            bool addQuery = a.AddQuery != 0, addKeyValue = a.AddKeyValue != 0;
            var ofQueries = new Target(a.dQuery, head.QueryOffset, a.QueryRow, addQuery, head.Sums(a.dQueryBias, a.QueryRow));
            var ofKeys = new Target(a.dKey, head.KeyOffset, a.KeyRow, addKeyValue, head.Sums(a.dKeyBias, a.KeyRow));
            var ofValues = new Target(a.dValue, head.KeyOffset, a.KeyRow, addKeyValue, head.Sums(a.dValueBias, a.KeyRow));
            ofQueries.Deliver(scores, head.Key, queries, a.D, s, gradient, a.Rotary);
            ofKeys.Deliver(scores.Transposed, head.Query, s, a.D, queries, gradient, a.Rotary);
            ofValues.Deliver(new MatrixView(probabilities, pitch).Transposed, dContext, s, a.D, queries, gradient, rotary: null);
        }
    }

    // Floats of the memory for dropout factors. The last vector of a row reads into the next row, or past the last
    // one. What it reads there must be finite.
    private static int Factors(in AttentionArgs a) => a.Dropout.DropProbability > 0 ? FactorRows * a.S + Lanes.Count : 0;

    // Values of the copies of an item's queries, keys and values with biases and rotary positions.
    private static int PreparedValues(in AttentionArgs a) =>
        (a.Rotary == null && a.QueryBias == null ? 0 : a.Queries * a.D) + (a.Rotary == null && a.KeyBias == null ? 0 : 2 * a.S * a.D);

    // Converts gradients of a row's probabilities into those of its scores before scaling: p * (g - sum(p * g)) *
    // scale. The padding of both rows is 0.
    private static void ScoreGradients(float* p, float* g, int count, float scale)
    {
        var sum = Vector512<float>.Zero;
        for (int j = 0; j < count; j += Lanes.Count)
            sum = Vector512.FusedMultiplyAdd(Vector512.Load(p + j), Vector512.Load(g + j), sum);
        var mean = Vector512.Create(Lanes.Sum(sum));
        for (int j = 0; j < count; j += Lanes.Count)
            (Vector512.Load(p + j) * (Vector512.Load(g + j) - mean) * scale).Store(g + j);
    }

    // The padding of x stays 0, because the factors behind the row are finite.
    private static void Multiply(float* x, float* factors, int count)
    {
        for (int j = 0; j < count; j += Lanes.Count)
            (Vector512.Load(x + j) * Vector512.Load(factors + j)).Store(x + j);
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
        private readonly long _firstElement; // number of the first probability in dropout

        public Head(in AttentionArgs a, int item, float* prepared)
        {
            (_queries, _length, _width) = (a.Queries, a.S, a.D);
            (int video, int head) = (item / a.Heads, item % a.Heads);
            int column = head * a.D;
            (_video, _column) = (video, column);
            QueryOffset = (long)video * a.Queries * a.QueryRow + column;
            KeyOffset = (long)video * a.S * a.KeyRow + column;
            ContextOffset = (long)video * a.Queries * a.Heads * a.D + column;
            _firstElement = (long)item * a.S * a.S;
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

        public MatrixView Query { get; }

        public MatrixView Key { get; }

        public MatrixView Value { get; }

        /// <summary>
        /// Dropout factors of row <paramref name="i"/>. Callers call it for the rows 0, 1, 2 and so on. Every
        /// <see cref="FactorRows"/> rows, a call draws the factors of that many rows.
        /// </summary>
        public float* FactorsOf(in AttentionArgs a, int i, float* factors)
        {
            if (i % FactorRows == 0)
                DropoutMask.Fill(factors, Math.Min(FactorRows, _queries - i) * _length, a.Dropout, _firstElement + (long)i * _length);
            return factors + i % FactorRows * _length;
        }

        /// <summary>Softmax of the masked scores, [Queries, S].</summary>
        /// <param name="p">The rows. Their padding is 0 and stays 0.</param>
        /// <param name="pitch">Values from one row to the next.</param>
        [SkipLocalsInit]
        public void Probabilities(float* p, int pitch)
        {
            float* hidden = stackalloc float[pitch];
            for (int j = 0; j < pitch; j++)
                hidden[j] = j >= _length ? float.NegativeInfinity : _mask[j] != 0 ? 0 : HiddenKey;
            SmallProduct.Multiply(Query, Key.Transposed, p, pitch, _queries, _length, _width);
            for (int i = 0; i < _queries; i++)
                Softmax(p + i * pitch, hidden, pitch, 1 / MathF.Sqrt(_width));
        }

        // x = softmax(x * scale + hidden)
        private static void Softmax(float* x, float* hidden, int count, float scale)
        {
            var largest = Vector512.Create(float.NegativeInfinity);
            for (int j = 0; j < count; j += Lanes.Count)
            {
                var score = Vector512.FusedMultiplyAdd(Vector512.Load(x + j), Vector512.Create(scale), Vector512.Load(hidden + j));
                largest = Vector512.MaxNative(largest, score); // a NaN may be lost here, but not in the sum
                score.Store(x + j);
            }
            Vector512<float> most = Vector512.Create(Lanes.Max(largest)), sum = default;
            for (int j = 0; j < count; j += Lanes.Count)
            {
                var power = VectorMath.Exp(Vector512.Load(x + j) - most);
                sum += power;
                power.Store(x + j);
            }
            var share = Vector512.Create(1 / Lanes.Sum(sum));
            for (int j = 0; j < count; j += Lanes.Count)
                (Vector512.Load(x + j) * share).Store(x + j);
        }
    }
}
