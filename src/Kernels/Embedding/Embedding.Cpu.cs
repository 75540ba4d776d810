using VideoSim.Kernels.Common;

namespace VideoSim.Kernels.Embedding;

public static unsafe partial class EmbeddingKernels
{
    private static void ForwardRows(in EmbeddingForwardArgs a, int from, int to)
    {
        for (int row = from; row < to; row++)
        {
            float* word = (float*)a.Word + (long)a.Ids[row] * a.C;
            float* position = a.Position == null ? null : (float*)a.Position + (long)(row % a.T) * a.C;
            float* y = (float*)a.Y + (long)row * a.C;
            for (int c = 0; c < a.C; c += Lanes.Count)
            {
                int left = a.C - c;
                var sum = Lanes.Load(word + c, left);
                if (position != null)
                    sum += Lanes.Load(position + c, left);
                Lanes.Store(sum + Lanes.Load((float*)a.TokenType + c, left), y + c, left);
            }
        }
    }

    private static void BackwardItems(in EmbeddingBackwardArgs a, int from, int to)
    {
        int types = TypeItems(a), positions = types + PositionItems(a);
        if (from < types)
            TypeBackward(a, from, Math.Min(to, types));
        if (from < positions && to > types)
            PositionBackward(a, Math.Max(from, types) - types, Math.Min(to, positions) - types);
        if (to > positions)
            WordBackward(a, Math.Max(from, positions) - positions, to - positions);
    }

    private static void WordBackward(in EmbeddingBackwardArgs a, int from, int to)
    {
        int first = from * Block, last = Math.Min(a.Words, to * Block), segments = *a.SegmentCount;
        if (a.AddToWord == 0)
            new Span<float>(a.dWord + (long)first * a.C, (last - first) * a.C).Clear();
        int segment = new ReadOnlySpan<int>(a.SegmentTokens, segments).BinarySearch(first);
        for (segment = segment < 0 ? ~segment : segment; segment < segments && a.SegmentTokens[segment] < last; segment++)
        {
            float* row = a.dWord + (long)a.SegmentTokens[segment] * a.C;
            for (int i = a.SegmentStarts[segment]; i < a.SegmentStarts[segment + 1]; i++)
                AddRow((float*)a.dY + (long)a.SortedPositions[i] * a.C, row, a.C);
        }
    }

    private static void PositionBackward(in EmbeddingBackwardArgs a, int from, int to)
    {
        for (int t = from; t < to; t++)
        {
            float* row = a.dPosition + (long)t * a.C;
            if (a.AddToPosition == 0)
                new Span<float>(row, a.C).Clear();
            for (int b = 0; t < a.T && b < a.B; b++)
                AddRow((float*)a.dY + ((long)b * a.T + t) * a.C, row, a.C);
        }
    }

    private static void TypeBackward(in EmbeddingBackwardArgs a, int from, int to)
    {
        int first = from * Block, width = Math.Min(a.C, to * Block) - first;
        for (int type = 0; type < a.TokenTypes && a.AddToTokenType == 0; type++)
            new Span<float>(a.dTokenType + (long)type * a.C + first, width).Clear();
        for (long row = 0; row < (long)a.B * a.T; row++)
            AddRow((float*)a.dY + row * a.C + first, a.dTokenType + first, width);
    }

    private static void AddRow(float* x, float* sum, int width)
    {
        for (int c = 0; c < width; c += Lanes.Count)
            Lanes.Store(Lanes.Load(sum + c, width - c) + Lanes.Load(x + c, width - c), sum + c, width - c);
    }
}
