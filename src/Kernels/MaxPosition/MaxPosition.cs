using System.Runtime.Intrinsics;
using VideoSim.Kernels.Common;
using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.MaxPosition;

/// <summary>Arguments of both directions.</summary>
public unsafe struct MaxPositionArgs
{
    /// <summary>[B, S, C]: read by forward, the gradient written by backward.</summary>
    public void* X;

    /// <summary>[B, C]: written by forward, the gradient read by backward.</summary>
    public float* Y;

    /// <summary>
    /// [B, S]: not 0 for a position that counts, at least one in each sequence; null if all count. Read by forward.
    /// </summary>
    public int* Mask;

    /// <summary>[B, C]: the first position with the maximum; written by forward, read by backward.</summary>
    public int* Position;

    /// <summary>Sizes, none of them 0.</summary>
    public int B, S, C;

    /// <summary>1 to add to the gradient in <see cref="X"/>.</summary>
    public int Add;
}

/// <summary>
/// y[b] = max of x[b, s] over the positions s that count, for each column, and its position. A NaN in x gives NaN. Mix
/// models with RoFormer use it (docs/reference-system.md, section 3.6).
/// </summary>
public static unsafe class MaxPositionKernels
{
    private const int Threads = 128; // each takes 16 bytes of neighbouring columns

    private static readonly KernelFile File = new("max-position", "MaxPosition.cu", $"THREADS={Threads}");

    /// <summary>Computes the maximum over the positions of every sequence. Items: sequences.</summary>
    public static readonly KernelPair<MaxPositionArgs> Forward = Pair("max_position_forward", FindMaxima, static (in MaxPositionArgs a, int bytes) =>
        new((double)a.B * (a.S - 1) * a.C, (double)a.B * a.C * (bytes * (double)a.S + sizeof(float) + sizeof(int)) + (a.Mask == null ? 0 : sizeof(int) * (double)a.B * a.S)));

    /// <summary>
    /// Writes the gradient to the first position with the maximum, and 0 to all others. Items: sequences.
    /// </summary>
    public static readonly KernelPair<MaxPositionArgs> Backward = Pair("max_position_backward", ScatterGradients, static (in MaxPositionArgs a, int bytes) =>
        new((double)a.B * a.C * a.Add, (double)a.B * a.C * (bytes * (a.Add != 0 ? 2.0 : a.S) + sizeof(float) + sizeof(int))));

    private delegate KernelCost CostOfValues(in MaxPositionArgs args, int bytes);

    private static KernelPair<MaxPositionArgs> Pair(string name, Twin<MaxPositionArgs> twin, CostOfValues cost) => new(name, (entry, precision) => new(entry)
    {
        From = File,
        LaunchShape = (in MaxPositionArgs a, in DeviceLimits _) => new(a.B, Threads, GridY: ColumnBlocks(a.C, precision)),
        CountItems = static (in MaxPositionArgs a) => a.B,
        Twin = precision == ElementType.Float32 ? twin : null,
        CountCost = (in MaxPositionArgs a) => cost(a, precision.Size()),
    });

    private static int ColumnBlocks(int width, ElementType precision)
    {
        int columns = Threads * 16 / precision.Size(); // of a block
        return (width + columns - 1) / columns;
    }

    private static void FindMaxima(in MaxPositionArgs a, int from, int to)
    {
        for (int b = from; b < to; b++)
            FindMaxima((float*)a.X + (long)b * a.S * a.C, a.Mask == null ? null : a.Mask + (long)b * a.S, a.Y + (long)b * a.C, a.Position + (long)b * a.C, a.S, a.C);
    }

    private static void ScatterGradients(in MaxPositionArgs a, int from, int to)
    {
        for (int b = from; b < to; b++)
        {
            float* dX = (float*)a.X + (long)b * a.S * a.C, dY = a.Y + (long)b * a.C;
            int* position = a.Position + (long)b * a.C;
            if (a.Add == 0)
                new Span<float>(dX, a.S * a.C).Clear();
            for (int c = 0; c < a.C; c++)
                dX[(long)position[c] * a.C + c] += dY[c];
        }
    }

    private static void FindMaxima(float* x, int* mask, float* y, int* position, int positions, int width)
    {
        int first = 0;
        while (mask != null && mask[first] == 0)
            first++;
        for (int c = 0; c < width; c += Lanes.Count)
        {
            int left = width - c;
            var largest = Lanes.Load(x + (long)first * width + c, left);
            var at = Vector512.Create(first).AsSingle(); // integers, in the bits of floats
            for (int s = first + 1; s < positions; s++)
            {
                if (mask != null && mask[s] == 0)
                    continue;
                var value = Lanes.Load(x + (long)s * width + c, left);
                var isLarger = Vector512.GreaterThan(value, largest) | ~Vector512.Equals(value, value); // or NaN
                largest = Vector512.ConditionalSelect(isLarger, value, largest);
                at = Vector512.ConditionalSelect(isLarger, Vector512.Create(s).AsSingle(), at);
            }
            Lanes.Store(largest, y + c, left);
            Lanes.Store(at, (float*)(position + c), left);
        }
    }
}
