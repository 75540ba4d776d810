using VideoSim.Kernels.Common;
using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.SelectPosition;

/// <summary>Arguments of both directions.</summary>
public unsafe struct SelectPositionArgs
{
    /// <summary>[B, S, C]: read by forward, the gradient written by backward.</summary>
    public void* X;

    /// <summary>[B, C]: written by forward, the gradient read by backward.</summary>
    public void* Y;

    /// <summary>Sizes and the position taken.</summary>
    public int B, S, C, Position;

    /// <summary>1 to add to the gradient in <see cref="X"/>.</summary>
    public int Add;
}

/// <summary>y[b] = x[b, position]: the first position for BERT's pooler.</summary>
public static unsafe class SelectPositionKernels
{
    private const int Warps = 4; // of a CUDA block: a row each

    private static readonly KernelFile File = new("select-position", "SelectPosition.cu", $"WARPS={Warps}");

    /// <summary>Takes one position of every sequence. Items: sequences.</summary>
    public static readonly KernelPair<SelectPositionArgs> Forward = Pair("select_position_forward", static (in SelectPositionArgs a) => a.B, Select,
        static (in SelectPositionArgs a, int bytes) => new(0, 2.0 * bytes * a.B * a.C));

    /// <summary>Puts the gradient back; all other positions get 0. Items: sequences.</summary>
    public static readonly KernelPair<SelectPositionArgs> Backward = Pair("select_position_backward", static (in SelectPositionArgs a) => a.B * a.S, PutBack,
        static (in SelectPositionArgs a, int bytes) => new((double)a.B * a.C * a.Add, (double)bytes * a.B * a.C * (a.Add != 0 ? 3 : 1 + a.S)));

    private delegate KernelCost CostOfValues(in SelectPositionArgs args, int bytes);

    private static KernelPair<SelectPositionArgs> Pair(string name, ItemCount<SelectPositionArgs> warps, Twin<SelectPositionArgs> twin, CostOfValues cost) =>
        new(name, (entry, precision) => new(entry)
        {
            From = File,
            LaunchShape = (in SelectPositionArgs a, in DeviceLimits _) => new((warps(a) + Warps - 1) / Warps, 32 * Warps),
            CountItems = static (in SelectPositionArgs a) => a.B,
            Twin = precision == ElementType.Float32 ? twin : null,
            CountCost = (in SelectPositionArgs a) => cost(a, precision.Size()),
        });

    private static void Select(in SelectPositionArgs a, int from, int to)
    {
        for (int b = from; b < to; b++)
            new Span<float>((float*)a.X + ((long)b * a.S + a.Position) * a.C, a.C).CopyTo(new Span<float>((float*)a.Y + (long)b * a.C, a.C));
    }

    private static void PutBack(in SelectPositionArgs a, int from, int to)
    {
        for (int b = from; b < to; b++)
        {
            float* sequence = (float*)a.X + (long)b * a.S * a.C, selected = sequence + (long)a.Position * a.C, dY = (float*)a.Y + (long)b * a.C;
            if (a.Add == 0)
                new Span<float>(sequence, a.S * a.C).Clear();
            for (int c = 0; c < a.C; c += Lanes.Count)
                Lanes.Deliver(Lanes.Load(dY + c, a.C - c), selected + c, a.C - c, a.Add);
        }
    }
}
